"""Parameters of templates as they stand on the command line."""

from __future__ import annotations

from gitorch.core.names import quote
from gitorch.core.task import Parameters
from gitorch.errors import Exit, GitorchError


def read_parameters(pairs: tuple[str, ...]) -> Parameters:
    """Read `KEY=VALUE` pairs; a key given again makes a list."""
    values: dict[str, str | tuple[str, ...]] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise GitorchError(
                f"{quote(pair)} is not of the form KEY=VALUE", hint="for example: --param topic=chips", code=Exit.USAGE
            )
        there = values.get(key)
        if there is None:
            values[key] = value
        else:
            values[key] = (*((there,) if isinstance(there, str) else there), value)
    return values
