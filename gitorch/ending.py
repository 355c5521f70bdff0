"""How the program ends: whatever happens, with one of the exit codes and without a traceback."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gitorch import output
from gitorch.errors import Exit, GitorchError


def code_of(work: Callable[[], int], args: Sequence[str] = ()) -> int:
    """Do the work of a command line; report an error to the user, and return the exit code."""
    try:
        return work()
    except GitorchError as error:
        output.error(error)
        return error.code
    except KeyboardInterrupt:
        output.note("interrupted")
        return Exit.INTERRUPTED
    except output.ReaderGone:
        return Exit.OK
    except UnicodeEncodeError as error:  # bytes of the command line that are not text
        what = error.object[max(0, error.start - 20) : error.end].encode("utf-8", "backslashreplace").decode()
        output.error(GitorchError(f"this is not text in UTF-8: {what}", hint="write the argument in UTF-8"))
        return Exit.ERROR
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        output.error(GitorchError(f"{where}{error.strerror or error}", hint="check the free space and the permissions"))
        return Exit.ERROR
    except Exception as error:  # noqa: BLE001 - no traceback may reach a user
        from gitorch.bug import save  # noqa: PLC0415 - needed here alone, and every start would pay for it

        hint = f"please report it with the text in {save(error, args)}"
        output.error(GitorchError(f"gitorch has a bug: {type(error).__name__}: {error}", hint=hint))
        return Exit.ERROR
