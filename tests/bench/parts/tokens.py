"""How many tokens coordination costs an agent in each invocation, beside what the neighbours have it read."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Final

from tests.bench import mcp, repositories
from tests.bench.figures import Bars, Part, Table
from tests.bench.place import Place

ENCODING: Final = "o200k_base"
TEXT: Final = "Say that it is done."  # the task's own text
_COUNT: Final = f"""\
const tokens = require("js-tiktoken").getEncoding("{ENCODING}");
const texts = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(texts.map((text) => tokens.encode(text, "all").length)));
"""


def measure(place: Place) -> Part:
    """Measure it."""
    texts = {**_ours(place), **_theirs(place)}
    counts, missing = _counts(place, [*texts.values()])
    rows = [
        [label, f"{len(text.encode()):,}", f"{count:,}" if missing is None else "unknown"]
        for (label, text), count in zip(texts.items(), counts, strict=True)
    ]
    raw = {
        label: {"bytes": len(text.encode()), "tokens": n}
        for (label, text), n in zip(texts.items(), counts, strict=True)
    }
    bars = [(label.replace("`", ""), float(n), float(n), float(n)) for label, n in zip(texts, counts, strict=True)]
    notes = [missing or f"Counted with the encoding {ENCODING}, which js-tiktoken brings along; it needs no network."]
    notes.append("Tool definitions are counted as the JSON that the server answers with; hosts put them their own way.")
    plots = [Bars("Tokens for coordination", "tokens", bars)] if missing is None else []
    return Part("Tokens for coordination", [Table(["", "bytes", "tokens"], rows)], plots, notes, raw)


def _ours(place: Place) -> dict[str, str]:
    short = repositories.make(place, "tokens")
    long = repositories.with_long_history(place, "tokens-long")
    records = place.many(repositories.RECORDS)
    return {
        "`gitorch prompt` without the task's own text, 10 records": _prompt(place, short),
        f"the same after {records:,} records": _prompt(place, long),
        "`.tasks/MAIN_TASK`": (short / ".tasks" / "MAIN_TASK").read_text(),
    }


def _prompt(place: Place, root: Path) -> str:
    """Give the prompt without its last part, the task's own text."""
    text = place.gitorch(root, "prompt")
    return text.partition("\nThe task:\n")[0]


def _theirs(place: Place) -> dict[str, str]:
    """Give what the neighbours have an agent read, from the installed packages."""
    found: dict[str, str] = {}
    if (program := place.programs.program("task-master")) is not None:
        server = (str(Path(program).with_name("task-master-mcp")),)
        root = place.root / "tokens"
        for label, env in {"its default tools": {}, "all tools": {"TASK_MASTER_TOOLS": "all"}}.items():
            text = mcp.tools(server, root, {**place.env, **env})
            found[f"task-master: definitions of {label}"] = text
    if (program := place.programs.program("backlog")) is not None:
        root = place.root / "tokens-backlog"
        root.mkdir()
        place.git(root, "init", "-q")
        place.run(program, "init", "project", "--defaults", cwd=root)
        overview = place.run(program, "instructions", "overview", cwd=root)
        found["backlog: AGENTS.md, and the overview that it has an agent read"] = (
            root / "AGENTS.md"
        ).read_text() + overview
        found["backlog: definitions of its tools"] = mcp.tools((program, "mcp", "start"), root, place.env)
    if (folder := place.programs.find("spec-kitty")) is not None:
        prompts = sorted(folder.glob("lib/python*/site-packages/**/mission-steps/software-dev/*/prompt.md"))
        found |= {f"spec-kitty: prompt of the step {path.parent.name}": path.read_text() for path in prompts}
    return found


def _counts(place: Place, texts: list[str]) -> tuple[list[int], str | None]:
    """Count tokens; where that cannot be done, give zeros and the reason."""
    folder = place.programs.find("tokenizer")
    if folder is None:
        return [0] * len(texts), place.programs.missing["tokenizer"]
    try:
        told = place.run("node", "-e", _COUNT, cwd=folder, stdin=json.dumps(texts).encode())
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        return [0] * len(texts), f"the tokenizer did not work here: {str(error)[-200:]}"
    counts: list[int] = json.loads(told)
    return counts, None
