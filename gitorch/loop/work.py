"""Start whatever does an invocation's work: an agent's program, a task's own command, or a function."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from gitorch.agents import descendants, process, spec
from gitorch.agents import report as reports
from gitorch.agents.output import Heard, Listener
from gitorch.agents.report import InvalidReport, Report
from gitorch.agents.spec import Agent
from gitorch.core.amounts import plain
from gitorch.core.names import task_dir, task_path
from gitorch.core.record import Action
from gitorch.core.task import Task
from gitorch.core.text import one_line
from gitorch.errors import GitorchError
from gitorch.git import files
from gitorch.git.repository import Repository
from gitorch.guard.held import redact
from gitorch.loop import claim as claims
from gitorch.loop import environment, transcripts
from gitorch.loop import invocation as invocations
from gitorch.loop.claim import Claim, Said
from gitorch.loop.invocation import Invocation
from gitorch.loop.watch import Watch

_PLAIN_WORD: Final = re.compile(r"[A-Za-z0-9_./+-]+")  # nothing that the shell expands or reads as its own
DEFAULT_TIMEOUT: Final = 3600  # seconds


class Job(NamedTuple):
    """An invocation's work, and the bounds it has to keep.

    Attributes:
        prompt: what the agent is told.
        focus: MAIN_TASK's FOCUS.
        seconds: what is left of the workflow's time; None where it is not limited.
        budget: what is left of the workflow's money, in USD; None where it is not limited.
        model: the model that is asked for.
        waits: how often in a row it has hit a rate limit just before.
    """

    invocation: Invocation
    task: Task | None
    prompt: str
    focus: str | None = None
    seconds: float | None = None
    budget: Decimal | None = None
    model: str | None = None
    waits: int = 0

    @property
    def command(self) -> str | None:
        """The task's own command, where that does the work."""
        return self.task.run if self.task is not None and not self.invocation.aside else None


class Call(NamedTuple):
    """What a function that stands in for an agent's program is given.

    `env` holds the `GITORCH_*` variables: a program that it starts needs them for `gitorch move` and `gitorch update`.
    """

    prompt: str
    action: Action
    task: str | None
    root: Path
    env: Mapping[str, str] = MappingProxyType({})


Function = Callable[[Call], "Report | str | None"]


def perform(repository: Repository, job: Job, agent: Agent | Function, watch: Watch) -> Claim:
    """Have the work done, and read what is claimed of it."""
    write_prompt(job)
    env = variables(job)
    if not isinstance(agent, Agent):
        return _call(repository, job, agent, env)
    if job.command is not None and job.task is not None:
        base = environment.without_credentials(environment.outer(), job.task.env)
        agent = spec.shell(job.command)
        stdin = None
    else:
        base = environment.for_agent(agent)
        stdin = job.invocation.prompt_file if agent.reads_stdin else None
    listener = Listener(agent)
    timeout, limited = _timeout(job)
    ended = process.run(
        command_line(repository, job, agent),
        cwd=repository.root,
        env={**base, **env},
        stdin=stdin,
        timeout=timeout,
        idle=agent.idle,
        should_stop=watch.tick,
        listen=partial(_listen, listener, watch),
        polite=agent.stop,
        has_result=lambda: listener.has_result,
        started=lambda pid: invocations.save(
            repository, job.invocation.with_process(pid, descendants.birth(pid)), synced=True
        ),
    )
    code = ended.code if ended.stopped is None else None
    heard = listener.end(code, ended.out, ended.err)
    transcripts.keep(repository, job.invocation.id, ended.out, ended.err)
    said = claims.said_by(ended, heard, agent, repository.config.get(args_key(agent), ""))
    if ended.stopped not in (None, "finished"):
        return claims.stopped(job.invocation, ended, said, limited=limited)
    return claims.read(job.invocation, said, seconds=ended.seconds, waits=job.waits)


def _listen(listener: Listener, watch: Watch, data: bytes) -> None:
    """Read what a program has just printed, and show what it does."""
    listener.feed(data)
    events = listener.take_events()
    if events:
        watch.doing(one_line(redact(events[-1]), 200))


def check_available(repository: Repository, agent: Agent, *, starts: bool = True) -> None:
    """Check what can be seen of an agent before anything is recorded: its program and the user's words for it.

    Args:
        repository: where it is to work.
        agent: which one.
        starts: whether its program is started here, rather than by a loop of the user's own.

    Raises:
        GitorchError: its program is not installed, or `git config gitorch.NAME.args` cannot be read.
    """
    if not agent.command:
        return
    own_words(repository, agent)
    if not starts:
        return
    path = environment.for_agent(agent).get("PATH")
    if agent.command[:2] == ("sh", "-c"):
        first = _first_word(agent.command[2])
        if first is not None and not _is_there(repository, first, path) and not _is_shell_command(first, path):
            raise GitorchError(f"{first}: program not found", hint=f"fix the command: {agent.description}")
    elif not _is_there(repository, agent.command[0], path):
        raise GitorchError(
            f"agent {agent.name} is not installed: {agent.command[0]} is not on PATH",
            hint="install it, or choose another agent: gitorch agents list",
        )


def _is_there(repository: Repository, program: str, path: str | None) -> bool:
    """Return whether a program can be started; one that is named by its path is looked for from the repository."""
    found = repository.root / program if "/" in program else program
    return shutil.which(found, path=path) is not None


def _first_word(line: str) -> str | None:
    """Return the program that a simple command line begins with, None where only the shell can tell."""
    first = line.split(None, 1)[0] if line.strip() else ""
    return first if _PLAIN_WORD.fullmatch(first) else None


def _is_shell_command(word: str, path: str | None) -> bool:
    """Return whether the shell knows a word as one of its own."""
    env = {} if path is None else {"PATH": path}
    done = subprocess.run(("sh", "-c", 'command -v "$1"', "sh", word), env=env, capture_output=True, check=False)
    return done.returncode == 0


def own_words(repository: Repository, agent: Agent) -> list[str]:
    """Return the words that the user adds to an agent's command, from `git config gitorch.NAME.args`.

    Raises:
        GitorchError: they are not quoted as the shell needs it.
    """
    key = args_key(agent)
    try:
        return shlex.split(repository.config.get(key, ""))
    except ValueError as error:
        raise GitorchError(f"git config {key}: {error}", hint=f"fix its quotes: git config {key} 'WORDS'") from None


def args_key(agent: Agent) -> str:
    """Return the setting that holds the user's own words for an agent."""
    return f"gitorch.{agent.name}.args"


def write_prompt(job: Job) -> None:
    """Put the prompt where the agent can read it as a file."""
    files.write(job.invocation.prompt_file, job.prompt.encode(errors="replace"))


def command_line(repository: Repository, job: Job, agent: Agent) -> list[str]:
    """Give an agent's argument list, with the user's own words from `git config gitorch.NAME.args` in it."""
    words = [*agent.command, *(agent.model if job.model is not None else ())]
    words += agent.budget if job.budget is not None else ()
    filled = spec.fill(
        tuple(words),
        prompt=job.prompt.replace("\0", "\ufffd"),  # no argument can hold it
        prompt_file=str(job.invocation.prompt_file),
        model=job.model or "",
        budget=plain(job.budget or Decimal(0)),
    )
    return [*filled, *own_words(repository, agent)]


def _timeout(job: Job) -> tuple[float, bool]:
    """Give the time it may take, and whether it is the workflow's rather than its own."""
    own = job.task.timeout if job.task is not None and job.task.timeout is not None else DEFAULT_TIMEOUT
    return (job.seconds, True) if job.seconds is not None and job.seconds < own else (own, False)


def _call(repository: Repository, job: Job, function: Function, env: dict[str, str]) -> Claim:
    """Have a function do the work, in this process; what it raises is its failure."""
    plan = job.invocation.plan
    call = Call(prompt=job.prompt, action=plan.action, task=plan.task, root=repository.root, env=env)
    began = time.monotonic()
    try:
        result = function(call)
    except Exception as error:  # noqa: BLE001 - whatever a function of the user's raises, the workflow goes on
        reason = f"{type(error).__name__}: {error}"
        return Claim(outcome="failed", reason=one_line(redact(reason), 300), seconds=time.monotonic() - began)
    finally:
        descendants.end(job.invocation.id)
    seconds = time.monotonic() - began
    heard = Heard(text=result) if isinstance(result, str) else Heard()
    said = Said(code=None, words=heard.text or "", complaint="", heard=heard)
    try:
        told = reports.parse(result._asdict()) if isinstance(result, Report) else None
    except InvalidReport as error:
        return Claim(outcome="rejected", reason=error.message, seconds=seconds)
    return claims.read(job.invocation, said, seconds=seconds, told=told)


def variables(job: Job) -> dict[str, str]:
    """Give the `GITORCH_*` variables of an invocation."""
    files = _files(job.invocation, job.task)
    return environment.variables(
        job.invocation.plan, job.task, invocation=job.invocation.id, focus=job.focus, files=files
    )


def _files(invocation: Invocation, task: Task | None) -> dict[str, str]:
    files = {"GITORCH_PROMPT_FILE": str(invocation.prompt_file), "GITORCH_RESULT": str(invocation.result_file)}
    if task is not None:
        files["GITORCH_TASK_FILE"] = task_path(task.name, "running")
        files["GITORCH_TASK_DIR"] = task_dir(task.name)
        files["GITORCH_NEEDS"] = "\n".join(task_dir(need) for need in task.needs)
    return files
