"""`gitorch edit`."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import click

import gitorch
from gitorch import output
from gitorch.api import Workflow
from gitorch.errors import Exit, GitorchError
from gitorch.loop import proposal, task_edit


def run(*, folder: str, name: str) -> int:
    """Open a task file in the editor, and commit it once it is valid."""
    proposal.refuse_inside("edit")
    with gitorch.open(folder) as workflow:
        path, text = task_edit.current(workflow.repository, name)
        directory = Path(tempfile.mkdtemp(prefix="gitorch-edit-"))  # stays with a text that is not valid
        draft = directory / f"{name}.md"
        draft.write_text(text, encoding="utf-8")
        edited = _edited(workflow, name, draft)
        commit = workflow.edit(name, edited) if edited != text else None
        shutil.rmtree(directory, ignore_errors=True)
    output.say(f"{path} is unchanged" if commit is None else f"committed {path}  ({commit[:10]})")
    return Exit.OK


def _edited(workflow: Workflow, name: str, draft: Path) -> str:
    """Run the editor until the text is valid, or the user gives up; their text is kept then."""
    while True:
        _open_editor(workflow, draft)
        text = draft.read_text(encoding="utf-8", errors="replace")
        try:
            task_edit.check(workflow.repository, name, text)
        except GitorchError as error:
            output.error(error)
            if os.isatty(0) and click.confirm("Edit it again?", default=True, err=True):
                continue
            raise GitorchError("nothing was committed", hint=f"your text is in {draft}") from None
        else:
            return text


def _open_editor(workflow: Workflow, draft: Path) -> None:
    environ = os.environ
    configured = workflow.repository.config.get("core.editor")
    editor = environ.get("GIT_EDITOR") or configured or environ.get("VISUAL") or environ.get("EDITOR")
    if not editor and not os.isatty(0):
        raise GitorchError("no editor is set", hint="set $EDITOR, or git config core.editor")
    editor = editor or "vi"
    done = subprocess.run(("sh", "-c", f'{editor} "$@"', "sh", str(draft)), check=False)
    if done.returncode != 0:
        shutil.rmtree(draft.parent, ignore_errors=True)
        raise GitorchError(f"the editor failed with exit {done.returncode}: {editor}", hint="set $EDITOR")
