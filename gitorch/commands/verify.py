"""`gitorch verify`."""

from __future__ import annotations

import gitorch
from gitorch import output
from gitorch.core.text import clean, counted
from gitorch.errors import Exit
from gitorch.ledger.problems import Problem, Report


def run(*, folder: str, rev: str, since: str | None, signatures: bool, as_json: bool) -> int:
    """Verify the history."""
    with gitorch.open(folder) as workflow:
        report = workflow.verify(
            *([] if rev == "HEAD" and since is None else [rev]), since=since, signatures=signatures
        )
    if as_json:
        _print_json(report)
    else:
        _print(report)
    return Exit.OK if report.ok else Exit.ERROR


def _print_json(report: Report) -> None:
    output.document(
        ok=report.ok,
        checked=report.checked,
        problems=_listed(report.problems),
        warnings=_listed(report.warnings),
        range={"since": report.since, "to": report.tip},
    )


def _listed(found: list[Problem]) -> list[dict[str, str]]:
    return [{"commit": commit, "problem": problem} for commit, problem in found]


def _print(report: Report) -> None:
    for label, style, found in (("problem", "red", report.problems), ("warning", "yellow", report.warnings)):
        for commit, problem in found:
            output.say(f"{output.paint(label, style)} {commit[:10]}: {clean(problem)}")
    if report.ok:
        after = f" since {report.since[:10]}" if report.since is not None else ""
        output.say(f"{output.paint('ok', 'green')}: {counted(report.checked, 'record')}{after}, all valid")
    else:
        output.say(f"the first commit with a problem is {report.problems[0].commit}")
