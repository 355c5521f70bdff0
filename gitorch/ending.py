"""How a run of the program ends: whatever happens, with one of the exit codes and without a traceback."""

from __future__ import annotations

from collections.abc import Callable

from gitorch import output
from gitorch.errors import Exit, GitorchError


def code_of(work: Callable[[], int]) -> int:
    """Do the work, and give its exit code; an error is told to the user."""
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
    except UnicodeEncodeError as error:  # bytes of the command line that are no text
        what = error.object[max(0, error.start - 20) : error.end].encode("utf-8", "backslashreplace").decode()
        output.error(GitorchError(f"this is no text in UTF-8: {what}", hint="give it again in UTF-8"))
        return Exit.ERROR
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        output.error(GitorchError(f"{where}{error.strerror or error}", hint="is there room, and are rights there?"))
        return Exit.ERROR
    except Exception as error:  # noqa: BLE001 - no traceback may reach a user
        import tempfile  # noqa: PLC0415 - needed here alone, and every start would pay for it
        import traceback  # noqa: PLC0415 - likewise

        with tempfile.NamedTemporaryFile("w", prefix="gitorch-bug-", suffix=".log", delete=False) as log:
            traceback.print_exc(file=log)
        problem = f"gitorch has a bug: {type(error).__name__}: {error}"
        output.error(GitorchError(problem, hint=f"please report it with {log.name}"))
        return Exit.ERROR
