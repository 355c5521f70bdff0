"""gitorch as a library: `gitorch.open(path)` gives a Workflow, which does all that the commands do.

No method writes to a terminal, and all errors are `GitorchError`. Each imports what it needs when it is called: nobody
pays for reading histories who only moves a task.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from gitorch.core import plan as planner
from gitorch.git.repository import Repository, open_repository
from gitorch.ledger.state import WorkflowState, read_state, worktree_difference
from gitorch.ledger.tasks import read_task, read_tasks

if TYPE_CHECKING:
    from gitorch.agents.report import Report as AgentReport
    from gitorch.core.audit import Invocation
    from gitorch.core.record import Record
    from gitorch.core.task import Parameters, Task
    from gitorch.core.waiting import Waiting
    from gitorch.ledger.append import Appended
    from gitorch.ledger.blame import Blame
    from gitorch.ledger.log import Filter, Part
    from gitorch.ledger.problems import Report
    from gitorch.loop.adopt import Strays
    from gitorch.loop.ahead import Options
    from gitorch.loop.decompose import Choice
    from gitorch.loop.edit import NewTask, Started, Updated
    from gitorch.loop.lease import Handed
    from gitorch.loop.limits import Limits
    from gitorch.loop.merge import Merged
    from gitorch.loop.put_away import PutAway
    from gitorch.loop.result import Step
    from gitorch.loop.rewind import Forked
    from gitorch.loop.watch import Watch
    from gitorch.loop.work import Function


class Workflow:
    """The workflow of one worktree, read and written through its ledger."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository

    def __enter__(self) -> Workflow:  # noqa: PYI034 - typing.Self needs Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes that reading has started."""
        self.repository.close()

    def state(self, rev: str = "HEAD") -> WorkflowState:
        """Read MAIN_TASK and all tasks' states as a revision holds them."""
        return read_state(self.repository.objects, rev)

    def difference(self) -> str | None:
        """Say how the work tree's state differs from the last commit's; None where it does not."""
        return None if self.repository.bare else worktree_difference(self.repository, self.state())

    def task(self, name: str, rev: str = "HEAD") -> Task:
        """Read one task file."""
        return read_task(self.repository.objects, self.state(rev), name)

    def tasks(self, rev: str = "HEAD") -> dict[str, Task]:
        """Read all task files."""
        return read_tasks(self.repository.objects, self.state(rev))

    def ready(self) -> list[str]:
        """List the tasks that can run, by name."""
        from gitorch.ledger.outlines import read_outlines

        state = self.state()
        tasks = read_outlines(self.repository, state)
        family = planner.family_of(tasks)
        return [name for name in sorted(state.states) if planner.can_run(name, state.states, tasks, family)]

    def waiting(self) -> list[Waiting]:
        """List the open tasks that cannot run, and why."""
        from gitorch.ledger.outlines import read_outlines
        from gitorch.loop import stuck

        state = self.state()
        return stuck.reasons(self.repository.objects, state.states, read_outlines(self.repository, state))

    def start(
        self,
        name: str,
        *,
        description: str | None = None,
        template: str | None = None,
        focus: str | None = None,
        parameters: Parameters | None = None,
        watch: Watch | None = None,
    ) -> Started:
        """Begin a workflow; a finished one is archived first."""
        from gitorch.loop import edit

        return edit.start(
            self.repository,
            name,
            description=description,
            template=template,
            focus=focus,
            parameters=parameters,
            watch=watch,
        )

    def create(self, new: NewTask) -> Appended:
        """Create a task."""
        from gitorch.loop import edit

        return edit.create(self.repository, new)

    def move(self, name: str, state: str, reason: str | None = None) -> Appended | None:
        """Change a task's state; None where it is there already, or inside an invocation."""
        from gitorch.loop import edit

        return edit.move(self.repository, name, state, reason)

    def update(self, status: str, next_: str, *, task: str | None = None, focus: str | None = None) -> Updated:
        """Replace MAIN_TASK."""
        from gitorch.loop import edit

        return edit.update(self.repository, status, next_, task=task, focus=focus)

    def drop(self, *names: str, recursive: bool = False, watch: Watch | None = None) -> Appended:
        """Remove tasks, with their subtasks if `recursive`; their directories stay."""
        from gitorch.loop import drop

        return drop.drop(self.repository, *names, recursive=recursive, watch=watch)

    def retry(self, name: str, watch: Watch | None = None) -> Appended:
        """Make a failed, blocked or completed task pending again, and let MAIN_TASK continue."""
        from gitorch.loop import lifecycle

        return lifecycle.retry(self.repository, name, watch)

    def skip(self, name: str, reason: str | None = None, watch: Watch | None = None) -> Appended:
        """Complete a task without its work being done, on record as skipped."""
        from gitorch.loop import lifecycle

        return lifecycle.skip(self.repository, name, reason, watch)

    def abandon(self, reason: str | None = None, watch: Watch | None = None) -> PutAway:
        """End the workflow: its open tasks leave the tree with their directories."""
        from gitorch.loop import put_away

        return put_away.abandon(self.repository, reason, watch)

    def archive(self, keep: Sequence[str] = (), watch: Watch | None = None) -> PutAway:
        """Put a finished workflow away: its tasks, their directories and MAIN_TASK leave the tree, except `keep`."""
        from gitorch.loop import put_away

        return put_away.archive(self.repository, keep, watch)

    def edit(self, name: str, text: str) -> str | None:
        """Commit a new text of a task file, once it is checked; return the commit, None where nothing changes."""
        from gitorch.loop import task_edit

        return task_edit.edit(self.repository, name, text)

    def question(self) -> str | None:
        """Return the question that blocks the workflow, None where it is not blocked."""
        from gitorch.loop import answer

        return answer.question(self.repository)

    def answer(self, text: str) -> Appended:
        """Answer what a blocked workflow asks."""
        from gitorch.loop import answer

        return answer.answer(self.repository, text)

    def strays(self) -> Strays:
        """Compare what the trees say of the state with what the log says."""
        from gitorch.loop import adopt

        return adopt.look(self.repository)

    def adopt(self, strays: Strays) -> Appended | None:
        """Record what the trees say; None where there is nothing to record any more."""
        from gitorch.loop import adopt

        return adopt.adopt(self.repository, strays)

    def decompose(self, name: str, choice: Choice | None = None) -> tuple[Appended, list[Task]]:
        """Cut a task into subtasks by a template."""
        from gitorch.loop import decompose, proposal

        proposal.refuse_inside("decompose")
        return decompose.decompose(self.repository, name, choice or decompose.Choice(), by_step=False)

    def step(
        self, options: Options | None = None, watch: Watch | None = None, *, agent: Function | None = None
    ) -> Step:
        """Do one invocation; a function may stand in for the agent's program.

        It is given a `Call`, works in this process, and gives text (its summary), a `Report`, or nothing. What it
        raises fails the attempt.
        """
        from gitorch.loop import ahead, step

        options = options or ahead.Options()
        return step.step(self.repository, options if agent is None else options._replace(function=agent), watch)

    def begin(
        self, options: Options | None = None, *, lease: float = 3600, watch: Watch | None = None
    ) -> Handed | Step:
        """Begin the next invocation and hand it out for `lease` seconds; a Step where there is nothing to do now."""
        from gitorch.loop import ahead
        from gitorch.loop import lease as leases

        return leases.hand_out(self.repository, options or ahead.Options(), lease, watch)

    def finish(
        self,
        *,
        code: int | None = None,
        output: Iterable[bytes] = (),
        report: AgentReport | None = None,
        limits: Limits | None = None,
        watch: Watch | None = None,
    ) -> Step:
        """End the invocation that is out: its work is checked and recorded."""
        from gitorch.loop import lease

        return lease.take_back(self.repository, code=code, output=output, report=report, limits=limits, watch=watch)

    def rewind(self, invocation: str, *, work: bool = False, watch: Watch | None = None) -> Appended | None:
        """Restore the state after an invocation by a new commit, its files too if wished; None where it is that."""
        from gitorch.loop import rewind

        return rewind.rewind(self.repository, invocation, work=work, watch=watch)

    def fork(self, invocation: str, branch: str, *, worktree: Path | None = None, agent: str | None = None) -> Forked:
        """Make a branch at the end of an invocation, and a linked worktree for it if wished."""
        from gitorch.loop import rewind

        return rewind.fork(self.repository, invocation, branch, worktree=worktree, agent=agent)

    def merge(self, branch: str, *, watch: Watch | None = None) -> Merged:
        """Join a branch that went on with the same workflow; both histories stay."""
        from gitorch.loop import merge

        return merge.merge(self.repository, branch, watch)

    def resolve_merge(self) -> Merged:
        """Record the merge that `git merge` has left in conflict."""
        from gitorch.loop import resolve

        return resolve.resolve(self.repository)

    def prompt(self, options: Options | None = None) -> tuple[planner.Plan, str | None]:
        """Give what the next step would do, and the prompt its agent would get; None where it needs no agent."""
        from gitorch.core.record import Totals
        from gitorch.loop import ahead, prompt

        next_ = ahead.choose(self.repository, self.state(), options or ahead.Options(), Totals())
        return prompt.of_next(self.repository, next_)

    def records(self, *revs: str) -> Iterator[tuple[str, int, Record]]:
        """Go through the records, newest first: commit, its time in seconds since 1970, what it says."""
        from gitorch.ledger.history import record_of, stream

        for logged in stream(self.repository, *(revs or ("HEAD",))):
            record = record_of(logged.message)
            if record is not None:
                yield logged.commit, logged.time, record

    def log(self, *revs: str, since: str | None = None, wanted: Filter | None = None) -> Iterator[Part]:
        """Go through the records, newest first and as soon as they are found, each with what it is about."""
        from gitorch.ledger.log import lines, parts

        found = parts(lines(self.repository, *revs, since=since))
        return found if wanted is None else filter(wanted.fits, found)

    def blame(self, path: str, rev: str | None = None, ranges: Sequence[str] = ()) -> Blame:
        """Tell of each line of a file, in the work tree where no revision is given, which invocation made it."""
        from gitorch.ledger.blame import blame

        return blame(self.repository, path, rev, ranges)

    def invocation(self, name: str, rev: str = "HEAD") -> Invocation | None:
        """Find an invocation by its id, at least 6 digits of it, or by a commit; None where nothing is so called."""
        from gitorch.ledger.invocation import find

        return find(self.repository, name, rev)

    def invocations(self, *revs: str) -> Iterator[Invocation]:
        """Go through the invocations in the order in which they began, those by hand too."""
        from gitorch.ledger.audit import read_invocations

        return read_invocations(self.repository, *revs)

    def report(self, rev: str = "HEAD", *, link_base: str | None = None) -> str:
        """Give one HTML page about the history that a revision leads to."""
        from gitorch.report.page import report

        return report(self.repository, rev, link_base)

    def verify(self, *revs: str, since: str | None = None, signatures: bool = False) -> Report:
        """Compare every record with the tree it stands on; with `since`, only the records after that commit.

        `signatures` asks that every record is signed, and the signature good.
        """
        from gitorch.ledger.verify import verify

        return verify(self.repository, *revs, since=since, signatures=signatures)


def open_workflow(path: Path | str = ".") -> Workflow:
    """Open the workflow of the repository that a folder lies in.

    Raises:
        GitorchError: it lies in none.
    """
    return Workflow(open_repository(path))
