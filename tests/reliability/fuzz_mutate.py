"""Inputs made of others, from a seed; and the smallest input that still shows a fault."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

TOKENS = tuple(
    token.encode("utf-8", "surrogatepass")
    for token in (
        *(
            "---\n",
            "\n\n",
            "\n",
            " ",
            "\t",
            "\r\n",
            "\r",
            "\0",
            "\x1b[2J",
            "\x85",
            "\u2028",
            "\u202e",
            "\ufeff",
            "\ud800",
        ),
        *(
            "é",
            "日本",
            "🧑‍🚀",
            "٣",
            "²",
            "#",
            "# x",
            ": ",
            ":",
            "'",
            '"',
            "`",
            "|\n",
            ">-\n",
            "{item}",
            "{{",
            "}",
            "[",
            "]",
        ),
        *("{", "&a ", "*a", "!!int ", "<<: ", "? ", "- ", "%YAML 1.1", "...", "~", "null", "true", "NaN", "Infinity"),
        *("0", "-1", "1e999", "9" * 30, "9" * 400, "9" * 5000, "0.0000001", "-0", "1_000", "3.1k", "0x10"),
        *("STATUS: ", "NEXT: ", "TASK: ", "FOCUS: ", "continue", "completed", "blocked", "word " * 16, "x" * 130),
        *("Gitorch-Event: end\n", "gitorch-", "Gitorch-State: a: none -> pending\n", "Gitorch-Again: a: attempt 2\n"),
        *("Gitorch-Check: 0 x\n", "Gitorch-Idle: 0\n", "Signed-off-by: A <a@b>\n", "(cherry picked from commit 0)\n"),
        *("diff --git a/x b/x", "From: x", "From x 12:34", "[PATCH] x", "Index: x", "Date: x", " Gitorch-Next: x\n"),
        *("parent: ", "needs: ", "outputs: ", "run: ", "check: ", "timeout: ", "retries: ", "template: ", "foreach: "),
        *(
            "subtasks:\n",
            "- name: ",
            "  description: ",
            "parameters:\n",
            "kind: gather\n",
            "x-a: ",
            "command: ",
            "env: ",
        ),
        *("figures:\n", "outcomes:\n", "  when: ", "  says: ", "  exit: ", "a{4294967296}", "(" * 400, "[?a==`1`]"),
        *(
            "ceil(@)",
            "sum(@)",
            "sort(@)",
            "@",
            '"error"',
            '"usage"',
            '"result"',
            '"cost_usd":',
            '"tokens_in":',
            '{"a":',
        ),
        *("-rf", "../x", "/", "C:\\x", "con", "templates", "refs/x", "HEAD~1", "0123456789abcdef0123456789abcdef"),
    )
)


class Mutator:
    """Makes inputs of seeds, the same ones from the same number."""

    def __init__(self, seeds: Sequence[bytes], number: int) -> None:
        self.chance = random.Random(number)  # noqa: S311 - for variety, not for secrets
        self.pool = list(seeds)

    def next(self) -> bytes:
        """Give one more input."""
        data = self.chance.choice(self.pool)
        for _ in range(self.chance.choice((1, 1, 1, 2, 3, 5))):
            data = self._changed(data)
        return data[:100_000]

    def keep(self, data: bytes) -> None:
        """Let later inputs be made of this one, which was taken, now and then."""
        if self.chance.random() < 0.05 and len(data) < 20_000:
            self.pool.append(data)

    def _changed(self, data: bytes) -> bytes:
        at, end = sorted((self.chance.randint(0, len(data)), self.chance.randint(0, len(data))))
        end = min(end, at + self.chance.choice((1, 2, 8, 40, 400)))
        piece = data[at:end]
        way = self.chance.randrange(9)
        if way == 0:
            return data[:at] + self.chance.randbytes(self.chance.choice((1, 1, 2, 4))) + data[end:]
        if way in {1, 2}:
            return data[:at] + self.chance.choice(TOKENS) + data[at if way == 1 else end :]
        if way == 3:
            return data[:at] + data[end:]
        if way == 4:
            return data[:at] + piece * self.chance.choice((2, 2, 3, 30, 300)) + data[end:]
        if way == 5:
            other = self.chance.choice(self.pool)
            return data[:at] + other[self.chance.randint(0, len(other)) :]
        lines = data.split(b"\n")
        here, there = self.chance.randrange(len(lines)), self.chance.randrange(len(lines))
        if way == 6:
            lines[here], lines[there] = lines[there], lines[here]
        elif way == 7:
            lines.insert(here, lines[there])
        else:
            lines.pop(here)
        return b"\n".join(lines)


def shrink(data: bytes, fails: Callable[[bytes], bool]) -> bytes:
    """Take pieces away as long as the fault stays."""
    size = max(len(data) // 2, 1)
    while size:
        at = 0
        while at < len(data):
            less = data[:at] + data[at + size :]
            if fails(less):
                data = less
            else:
                at += size
        size //= 2
    return data
