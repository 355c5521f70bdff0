"""`gitorch doctor`."""

from __future__ import annotations

import re
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import gitorch
from gitorch import output
from gitorch.api import Workflow
from gitorch.commands.ignored import ignored_by
from gitorch.core import plan as planner
from gitorch.core import waiting
from gitorch.core.names import TASKS_DIR, resembles_task_file
from gitorch.core.text import clean, counted
from gitorch.errors import Exit, GitorchError
from gitorch.git.locks import is_held
from gitorch.git.process import OLDEST_GIT, Git
from gitorch.git.repository import Repository
from gitorch.hooks import found
from gitorch.hooks import install as hooks
from gitorch.ledger.history import recent
from gitorch.ledger.verify import verify
from gitorch.loop import catalog, roster, trust


class Finding(NamedTuple):
    """One thing that was checked. `hint` says what to do where it is not right; `advice` that it need not be done."""

    ok: bool
    what: str
    hint: str | None = None
    advice: bool = False


def run(*, folder: str, as_json: bool) -> int:
    """Look for what could be wrong."""
    findings = list(_surroundings(folder))
    try:
        with gitorch.open(folder) as workflow:
            findings += _look(workflow)
    except GitorchError as error:
        findings.append(Finding(ok=False, what=error.message, hint=error.hint))
    well = all(finding.ok or finding.advice for finding in findings)
    if as_json:
        output.document(ok=well, findings=[finding._asdict() for finding in findings])
    else:
        for ok, what, hint, advice in findings:
            sign = ("ok", "green") if ok else ("--", "yellow") if advice else ("!!", "red")
            output.say(f"{output.paint(*sign)}  {what}")
            if hint is not None and not ok:
                output.say(f"    {hint}")
    return Exit.OK if well else Exit.ERROR


def _surroundings(folder: str) -> Iterator[Finding]:
    version = Git(Path(folder)).attempt("version").out.decode(errors="replace").strip()
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    oldest = ".".join(map(str, OLDEST_GIT))
    yield Finding(numbers >= OLDEST_GIT, version or "git does not run", f"install git {oldest} or newer")
    yield _python()
    try:
        sqlite3.connect(":memory:").execute("create virtual table t using fts5(a)")
        yield Finding(ok=True, what=f"SQLite {sqlite3.sqlite_version} with full-text search, for the local agent")
    except sqlite3.OperationalError:
        yield Finding(
            ok=False,
            what="SQLite lacks FTS5",
            hint="install a Python with it: the local agent and gitorch context require it",
        )


def _python() -> Finding:
    python = f"Python {sys.version.split()[0]}"
    try:
        return Finding(ok=True, what=f"{python}, GitPython {metadata.version('GitPython')}")
    except metadata.PackageNotFoundError:
        return Finding(ok=False, what=f"{python}; GitPython is missing", hint="reinstall gitorch: pip install gitorch")


def _look(workflow: Workflow) -> Iterator[Finding]:
    repository = workflow.repository
    yield from _repository(repository)
    state = workflow.state()
    difference = workflow.difference()
    yield Finding(
        difference is None,
        difference or "the work tree has the state of the last commit",
        "record it with gitorch adopt, or restore the file",
    )
    yield _record(repository)
    yield Finding(ok=True, what=f"MAIN_TASK: {state.main_task.status}" if state.main_task else "no MAIN_TASK yet")
    folder = repository.root / TASKS_DIR
    odd = sorted(path.name for path in folder.iterdir() if resembles_task_file(path.name)) if folder.is_dir() else []
    for name in odd[:10]:
        yield Finding(
            ok=False, what=f"{TASKS_DIR}/{name} is not a valid name of a task file", hint="fix its state or name"
        )
    tasks = workflow.tasks()
    wrong = dict(planner.task_problems(state.states, tasks))
    for name, problem in wrong.items():
        yield Finding(ok=False, what=f"{state.path_of(name)}: {problem}", hint=f"fix it: gitorch edit {name}")
    if planner.first_ready(state.states, tasks, planner.family_of(tasks)) is None:
        reasons = workflow.waiting()
        for stuck in reasons if waiting.is_stuck(reasons) else ():
            if stuck.name not in wrong:
                yield Finding(ok=False, what=f"nothing can run: {stuck._replace(remedy=None)}", hint=stuck.remedy)
    open_tasks = [task for name, task in tasks.items() if state.states[name] != "completed"]
    untrusted = next(trust.untrusted_of(open_tasks), None)
    if untrusted is not None:
        yield Finding(
            ok=False, what=f"task {untrusted.name} has commands that are not allowed yet", hint="gitorch trust"
        )
    problems = catalog.templates(repository).problems
    for error in problems.values():
        yield Finding(ok=False, what=error.message, hint=error.hint)
    valid = "" if problems else " and all templates"
    yield Finding(ok=True, what=f"{counted(len(tasks), 'task file')}{valid} are valid")
    if state.commit is not None and folder.is_dir():
        begun = recent(repository.objects).fold.open
        busy = is_held(repository.git_dir / "gitorch" / "step.lock")
        if begun and not busy:
            yield Finding(ok=False, what="an invocation did not end", hint="the next gitorch step recovers it")


def _agent(repository: Repository) -> Iterator[Finding]:
    """Check the configured agent."""
    name = roster.configured(repository)
    there = roster.installed(repository)
    if name is None:
        known = f"installed: {', '.join(there)}" if there else "none is installed"
        hint = f"choose one: git config gitorch.agent {there[0] if there else 'NAME'}"
        yield Finding(ok=False, what=f"no agent is configured ({known})", hint=hint, advice=True)
        return
    try:
        agent = roster.load(repository, name)
    except GitorchError as error:
        yield Finding(ok=False, what=f"git config gitorch.agent: {error.message}", hint=error.hint)
        return
    found = name == roster.LOCAL or shutil.which(agent.command[0]) is not None
    yield Finding(
        found, f"agent {name}" if found else f"agent {name} is not installed", f"try it: gitorch agents check {name}"
    )


def _record(repository: Repository) -> Finding:
    """Verify the whole history."""
    report = verify(repository)
    if report.ok:
        return Finding(ok=True, what=f"{counted(report.checked, 'record')}, all valid")
    first = report.problems[0]
    return Finding(
        ok=False,
        what=f"the record has a problem: {first.commit[:10]}: {clean(first.problem)}",
        hint="record what the files say: gitorch adopt" if report.strays else "list all problems: gitorch verify",
    )


def _repository(repository: Repository) -> Iterator[Finding]:
    operation = repository.in_progress()
    what = "bare" if repository.bare else f"in {repository.root}"
    yield Finding(
        operation is None and not repository.bare,
        f"a {operation} is in progress" if operation else f"a repository {what}",
        "finish or abort it with git" if operation else "use a clone or a worktree to run steps",
    )
    identity = repository.git.attempt("var", "GIT_COMMITTER_IDENT").code == 0
    yield Finding(
        identity,
        "user.name and user.email are set" if identity else "user.name and user.email are not set",
        "set them: git config user.name NAME; git config user.email EMAIL",
    )
    _, states = hooks.status(repository, server=repository.bare)
    lacking = [each.name for each in states if each.state not in found.GOOD]
    few = f"not installed: {', '.join(lacking)}" if len(lacking) < len(states) else "the hooks are not installed"
    yield Finding(
        not lacking, few if lacking else "the hooks are installed", "install them: gitorch hooks install", advice=True
    )
    rule = ignored_by(repository)
    if rule is not None:
        yield Finding(ok=False, what=f"{rule} makes git ignore {TASKS_DIR}", hint="remove that rule", advice=True)
    yield from _agent(repository)
