"""`gitorch agents list`, `show` and `check`."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from gitorch import output
from gitorch.agents import installed
from gitorch.agents.installed import Program
from gitorch.agents.spec import Agent
from gitorch.commands.watching import Interrupts, Live
from gitorch.core import message
from gitorch.core.amounts import plain
from gitorch.core.record import Record
from gitorch.errors import Exit, GitorchError
from gitorch.git.repository import Repository, open_repository
from gitorch.loop import environment, proposal, roster, tryout
from gitorch.loop.roster import Source


def run(*, folder: str, what: str, as_json: bool = False, name: str = "", model: str | None = None) -> int:
    """List, show or check agents."""
    repository = None
    with suppress(GitorchError):
        repository = open_repository(folder)  # agents can be looked at anywhere
    if what == "list":
        return _list(repository, as_json=as_json)
    agent = roster.load(repository, name)
    if what == "show":
        output.write(roster.sources(repository)[name].path.read_text(encoding="utf-8"))
        return Exit.OK
    return _check(repository, agent, model, as_json=as_json)


def _list(repository: Repository | None, *, as_json: bool) -> int:
    sources = sorted(roster.sources(repository).values())
    with ThreadPoolExecutor(max_workers=4) as pool:
        rows = list(pool.map(_row, sources))
    if as_json:
        output.document(agents=rows)
        return Exit.OK
    width = max(len(row["name"]) for row in rows)
    room = max(len(_state(row)) for row in rows)
    for row in rows:
        where = "" if row["source"] == f"{row['name']}.yaml" else f"  ({row['source']})"
        output.say(f"{row['name']:<{width}}  {_state(row):<{room}}  {row['description']}{where}")
    return Exit.OK


def _row(source: Source) -> dict[str, Any]:
    row: dict[str, Any] = {"name": source.name, "source": source.shown, "installed": None, "version": None}
    row |= {"tested": None, "problem": None, "description": ""}
    if source.waits:
        return {**row, "problem": "not allowed yet", "description": f"gitorch trust --agent {source.name}"}
    try:
        agent = roster.read(source)
    except GitorchError as error:
        return {**row, "problem": "faulty", "description": error.message}
    program = installed.find(agent, environment.for_agent(agent))
    row |= {"installed": program is not None, "version": program.version if program else None}
    return {**row, "tested": agent.tested, "description": agent.description}


def _state(row: dict[str, Any]) -> str:
    return str(row["problem"] or (row["version"] or "installed" if row["installed"] else "not installed"))


def _check(repository: Repository | None, agent: Agent, model: str | None, *, as_json: bool) -> int:
    proposal.refuse_inside("agents check")
    program = installed.find(agent, environment.for_agent(agent))
    if program is None:
        raise GitorchError(f"{agent.command[0]} is not installed, or not on PATH", hint=agent.description)
    if not as_json:
        output.say(f"{agent.name}: {program.path}, {_versions(agent, program)}")
    interrupts = Interrupts()
    live = Live(interrupts, stop_at=1, quiet=as_json)
    args = None if repository is None else repository.config.get(f"gitorch.{agent.name}.args")
    with interrupts.caught():
        record, hint = tryout.try_out(agent, model, live, args)
    live.wipe()
    ok = record.outcome == "completed"
    if as_json:
        about = {"ok": ok, "name": agent.name, "path": program.path, "version": program.version, "tested": agent.tested}
        output.document(**about, **_figures(record), hint=hint)
    else:
        output.say(f"{output.paint('✓', 'green') if ok else output.paint('✗', 'red')} {_told(record)}")
        if hint is not None:
            output.note(f"{output.paint('hint:', 'yellow', sys.stderr)} {hint}")
    return Exit.OK if ok else Exit.ERROR


def _versions(agent: Agent, program: Program) -> str:
    tested = f" (its file was tried with {agent.tested})" if agent.tested not in (None, program.version) else ""
    return (f"version {program.version}" if program.version else "version unknown") + tested


def _figures(record: Record) -> dict[str, Any]:
    known = message.as_dict(record)
    told = {key: known.get(key) for key in ("outcome", "reason", "question", "retry_at", "exit", "model", "session")}
    counted = {key: known.get(key) for key in ("duration", "cost_usd", "tokens_in", "tokens_cached", "tokens_out")}
    return {**told, **counted, "said": record.body or None}


def _told(record: Record) -> str:
    parts = [str(record.outcome)]
    if record.reason or record.question:
        parts.append(str(record.reason or record.question))
    if record.model:
        parts.append(f"model {record.model}")
    parts.append("cost unknown" if record.cost_usd is None else f"{plain(record.cost_usd)} USD")
    if record.tokens_in is not None or record.tokens_out is not None:
        parts.append(f"{record.tokens_in or 0} tokens in, {record.tokens_out or 0} out")
    if record.duration is not None:
        parts.append(output.duration(float(record.duration)))
    said = record.body.strip().split("\n")[0][:100]
    return ", ".join(parts) + (f'\n  it said: "{said}"' if said else "")
