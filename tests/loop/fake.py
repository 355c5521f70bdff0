"""An agent of the tests' own, described by a file: what it prints and how it ends is up to each test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE = """
name: fake
description: an agent of the tests' own
command: [sh, '{script}', '{{prompt}}']
model: ['--model={{model}}']
budget: ['--budget={{budget}}']
output: json-lines
{more}
figures:
  text: "[?type=='end'].text"
  cost_usd: "[?type=='end'].cost"
  tokens_in: "[?type=='end'].in"
  tokens_cached: "[?type=='end'].cached"
  tokens_out: "[?type=='end'].out"
  session: "[].session"
  model: "[?type=='end'].model"
  error: "[?type=='end'].error"
  retry_at: "[?type=='end'].again"
outcomes:
  - {{outcome: rate-limited, when: "[?type=='end' && error=='limit']"}}
  - {{outcome: failed, when: "[?type=='end' && error]"}}
"""


def says(**values: Any) -> str:
    """Give the shell line that prints the last document."""
    return "cat <<'END'\n" + json.dumps({"type": "end", **values}) + "\nEND\n"


def fake(home: Path, script: str, more: str = "decomposes: true") -> tuple[str, str]:
    """Write the agent's file into the user's folder; gives the options that choose it."""
    folder = home / ".config/gitorch/agents"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "fake.sh").write_text(script)
    (folder / "fake.yaml").write_text(FILE.format(script=folder / "fake.sh", more=more))
    return ("--agent", "fake")
