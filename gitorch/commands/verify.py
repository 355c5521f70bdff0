"""`gitorch verify`."""

from __future__ import annotations

import gitorch
from gitorch import output
from gitorch.core.text import clean
from gitorch.errors import Exit


def run(*, folder: str, rev: str, as_json: bool) -> int:
    """Verify the history."""
    with gitorch.open(folder) as workflow:
        report = workflow.verify(*([] if rev == "HEAD" else [rev]))
    if as_json:
        output.document(
            ok=report.ok,
            checked=report.checked,
            problems=[{"commit": problem.commit, "problem": problem.problem} for problem in report.problems],
            warnings=[{"commit": problem.commit, "problem": problem.problem} for problem in report.warnings],
        )
        return Exit.OK if report.ok else Exit.ERROR
    for label, style, found in (("problem", "red", report.problems), ("warning", "yellow", report.warnings)):
        for commit, problem in found:
            output.say(f"{output.paint(label, style)} {commit[:10]}: {clean(problem)}")
    if report.ok:
        output.say(f"{output.paint('ok', 'green')}: {report.checked} records, each as its tree shows")
        return Exit.OK
    output.say(f"the first commit that does not hold is {report.problems[0].commit}")
    return Exit.ERROR
