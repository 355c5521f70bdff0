"""Where commits can be looked at in a browser: the web address that a remote's URL gives away."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from gitorch.core.names import quote
from gitorch.errors import Exit, GitorchError

_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~%+-]+)+")
_SCP: Final = re.compile(r"(?:[A-Za-z0-9._-]+@)?([A-Za-z0-9][A-Za-z0-9.-]+):([A-Za-z0-9._~][^:\s]*)")


def commit_base(config: Mapping[str, str], wanted: str | None) -> str | None:
    """Give what a commit's id is put behind, None where there is no web address.

    Args:
        config: git's configuration.
        wanted: the address that the user names, in place of the remote's.

    Raises:
        GitorchError: that is no address of a web page.
    """
    if wanted is None:
        return _commits(_web_address(config.get("remote.origin.url", "")))
    base = _web_address(wanted) if wanted.startswith(("https://", "http://")) else None
    if base is None:
        raise GitorchError(
            f"{quote(wanted)} is no web address of a repository",
            hint="for example: https://example.invalid/owner/repository",
            code=Exit.USAGE,
        )
    return _commits(base)


def _commits(base: str | None) -> str | None:
    return None if base is None else f"{base}/commit/"


def _web_address(url: str) -> str | None:
    """Make a web address of a remote's URL; a name or token in it stays out."""
    scp = _SCP.fullmatch(url) if "://" not in url else None
    if scp is not None:
        return _address("https", scp[1], None, "/" + scp[2])
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.query or parts.fragment:
        return None
    if parts.scheme in ("http", "https"):
        return _address(parts.scheme, f"[{host}]" if ":" in host else host, port, parts.path)
    return _address("https", host, None, parts.path) if parts.scheme in ("ssh", "git") else None


def _address(scheme: str, host: str, port: int | None, path: str) -> str | None:
    path = path.rstrip("/").removesuffix(".git")
    if not _HOST.fullmatch(host) or not _PATH.fullmatch(path) or "/.." in path:
        return None
    return f"{scheme}://{host}{f':{port}' if port is not None else ''}{path}"
