"""`gitorch demo`."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

import gitorch
from gitorch import output
from gitorch.api import Workflow
from gitorch.commands.outcome import tell
from gitorch.commands.watching import Interrupts, Live
from gitorch.core import main_task as main_tasks
from gitorch.core import message
from gitorch.core.moves import difference
from gitorch.core.names import TASKS_DIR, task_dir
from gitorch.core.record import Record
from gitorch.core.text import counted
from gitorch.errors import Exit, GitorchError
from gitorch.git.process import Git
from gitorch.git.repository import Repository, open_repository
from gitorch.ledger.append import Draft, append_if
from gitorch.ledger.history import READ_LOG
from gitorch.ledger.state import WorkflowState
from gitorch.loop import proposal
from gitorch.loop.ahead import Options
from gitorch.loop.result import Step

_NAME: Final = "repository-research"
# several short questions: the local agent groups what it finds by them
_WANTED: Final = (
    "What is this project for? How is it installed and run? How is it tested? "
    "Which problems and limits are known? Which TODO and FIXME are open?"
)
_SAMPLE: Final = Path(gitorch.__file__).parent / "sample"


def run(*, folder: str, into: str | None) -> int:
    """Run a research workflow on a copy of a repository."""
    proposal.refuse_inside("demo")
    target = _target(into)
    _copy(folder, target)
    output.say(f"working in a copy: {target}")
    output.say(f"$ gitorch start {_NAME} -d '{_WANTED}'")
    interrupts = Interrupts()
    with gitorch.open(target) as workflow, interrupts.caught():
        _make_room(workflow.repository)
        first = workflow.state().commit
        workflow.start(_NAME, description=_WANTED)
        last = _steps(workflow, Live(interrupts, stop_at=1))
        if last.exit != Exit.COMPLETED:
            return last.exit
        _tell_result(workflow, first or "HEAD")
    return Exit.OK


def _target(into: str | None) -> Path:
    if into is None:
        return Path(tempfile.mkdtemp(prefix="gitorch-demo-"))
    target = Path(into).absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise GitorchError(f"{target} exists and is not empty", hint="name a new directory", code=Exit.USAGE)
    return target


def _copy(folder: str, target: Path) -> None:
    """Clone the repository that a folder lies in, or make one of the sample where there is none to clone."""
    try:
        source = open_repository(folder)
    except GitorchError:
        source = None
    if source is not None and source.objects.commit("HEAD") is not None:
        source.close()
        # local, so that objects are shared as files; what is uncommitted stays behind
        source.git.python().clone(str(target), multi_options=["--quiet", "--no-recurse-submodules"])
        _sign_as_somebody(open_repository(target))
        return
    output.say("there is no history to copy here, so a small sample project is used")
    shutil.copytree(_SAMPLE, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    Git(target).run("init", "-q")
    repository = open_repository(target)
    _sign_as_somebody(repository)
    repository.git.run("add", "-A")
    repository.git.run("commit", "-q", "-m", "A small sample project")


def _sign_as_somebody(repository: Repository) -> None:
    """Let commits in the copy work where nobody has told git who they are, and without anybody's key."""
    if repository.git.attempt("var", "GIT_COMMITTER_IDENT").code != 0:
        repository.git.run("config", "user.name", "gitorch demo")
        repository.git.run("config", "user.email", "demo@gitorch.invalid")
    repository.git.run("config", "commit.gpgsign", "false")


def _make_room(repository: Repository) -> None:
    """Take a workflow that is there already out of the copy, by a record, so that its tasks are not worked on."""
    listed = repository.git.run("ls-files", "-z", "--", TASKS_DIR).split(b"\0")
    folders = [path for path in map(os.fsdecode, listed) if path.count("/") > 1]

    def draft_for(state: WorkflowState) -> Draft | None:
        if not state.states and state.main_task_bytes is None:
            return None
        record = Record(
            event="adopt",
            subject=message.subject(None, "make room for the demo"),
            main_task=main_tasks.make("completed", "Make room for the demo"),
            changes=tuple(difference(state.states, {})),
        )
        return Draft(record=record, work=dict.fromkeys(folders))

    if append_if(repository, draft_for) is not None:
        for path in folders:
            (repository.root / path).unlink(missing_ok=True)


def _steps(workflow: Workflow, live: Live) -> Step:
    while True:
        output.say("$ gitorch step")
        step = workflow.step(Options(agent="local"), live)
        live.wipe()
        output.say(tell(step))
        if step.exit != Exit.OK:
            return step


def _tell_result(workflow: Workflow, first: str) -> None:
    git = workflow.repository.git
    root = workflow.repository.root
    output.say()
    output.say("$ git log --reverse --format='%h %s%n%(trailers:key=Gitorch-State,valueonly)'")
    trail = git.run(
        *("-c", "trailer.separators=:", "-c", "core.commentChar=#", *READ_LOG, "--reverse"),
        *("--format=%h %s%n%(trailers:key=Gitorch-State,valueonly)", f"{first}..HEAD"),
    )
    output.say("\n".join(line for line in trail.decode(errors="replace").split("\n") if line))
    output.say()
    report = workflow.verify(f"{first}..HEAD")
    output.say(
        f"verified: {counted(report.checked, 'record')}" if report.ok else f"NOT verified: {report.problems[0].problem}"
    )
    _, _, last = next(workflow.records())
    output.say()
    output.say("what the last invocation reports:")
    output.say("\n".join(f"  {line}" for line in last.body.split("\n")))
    output.say("the outputs:")
    for name, task in sorted(workflow.tasks().items(), key=lambda item: item[1].order):
        for path in task.outputs:
            file = root / task_dir(name) / path
            if file.is_file():
                output.say(f"  {file}")
