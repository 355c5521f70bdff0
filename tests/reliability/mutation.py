"""How many small faults in the core and the ledger the tests find: `python -m tests.reliability.mutation [MODULE…]`.

Each fault is put into a copy of the project, and the tests that fit the module run in a process forked from one that
has pytest already. A fault that no test finds is named.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from tests.reliability.mutants import Mutant, faulty, mutants

ROOT = Path(__file__).parents[2]
_CHUNK = 100  # mutants that one worker process takes
_PLUGINS = ("-p", "no:cacheprovider", "-p", "no:xdist", "-W", "ignore::pytest.PytestAssertRewriteWarning")
_PLAIN = ("-x", "-q", "--every", *_PLUGINS)
_COPIED = ("gitorch", "tests", "templates", "hooks", "pyproject.toml", "README.md", "docs")
_OWN = {  # the tests that fit a module, where they are not in the file of its name
    "core/again": "core/test_again core/test_fold",
    "core/amounts": "core/test_message",
    "core/audit": "history/test_audit history/test_independent_record",
    "core/audit_json": "history/test_audit",
    "core/fold": "core/test_fold core/test_again",
    "core/message": "core/test_message core/test_message_plain",
    "core/moves": "core/test_moves core/test_join core/test_plan",
    "core/plain": "core/test_message_plain",
    "core/record": "core/test_message core/test_again",
    "core/rules": "core/test_rules core/test_handmade",
    "core/task": "core/test_task core/test_template",
    "core/trailers": "core/test_message core/test_message_plain",
    "core/yamlevents": "core/test_yamltext core/test_outline core/test_template",
    "core/yamltext": "core/test_yamltext core/test_task core/test_template",
    "ledger/append": "ledger/test_append",
    "ledger/audit": "history/test_audit",
    "ledger/bases": "ledger/test_honest ledger/test_past",
    "ledger/blame": "history/test_blame",
    "ledger/checker": "ledger/test_verify ledger/test_honest ledger/test_tampering",
    "ledger/following": "ledger/test_append",
    "ledger/history": "ledger/test_past history/test_log",
    "ledger/invocation": "history/test_naming_an_invocation history/test_show",
    "ledger/log": "history/test_log",
    "ledger/merges": "ledger/test_honest ledger/test_tampering history/test_merge",
    "ledger/problems": "ledger/test_verify ledger/test_honest ledger/test_tampering",
    "ledger/signatures": "ledger/test_signatures",
    "ledger/state": "ledger/test_verify ledger/test_append",
    "ledger/tasks": "ledger/test_verify history/test_show",
    "ledger/trees": "ledger/test_verify ledger/test_past",
    "ledger/verify": "ledger/test_verify ledger/test_honest ledger/test_tampering",
}
# looked at: no test could tell these from the code as it is
EQUIVALENT: dict[tuple[str, str], str] = {}


class Job(NamedTuple):
    """Mutants of one module, and the tests that shall find them."""

    module: str
    tests: list[str]
    mutants: list[Mutant]


class Found(NamedTuple):
    """What became of a mutant: `killed`, `survived` or `time`."""

    module: str
    mutant: Mutant
    fate: str


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def modules(names: list[str]) -> list[str]:
    wanted = names or ["core", "ledger"]
    known = [f"{path.parent.name}/{path.stem}" for path in sorted(ROOT.glob("gitorch/*/*.py")) if path.stem[0] != "_"]
    return [name for name in known if name in wanted or name.split("/")[0] in wanted]


def tests_of(module: str) -> list[str]:
    room, name = module.split("/")
    return [f"tests/{path}.py" for path in _OWN.get(module, f"{room}/test_{name}").split()]


def jobs(names: list[str], sample: int | None, seed: int, told: str | None) -> list[Job]:
    every = [(module, mutant) for module in modules(names) for mutant in mutants(_source(ROOT, module).read_text())]
    every = [(module, mutant) for module, mutant in every if (module, mutant.what) not in EQUIVALENT]
    if told is not None:
        every = [one for one in every if _named(*one) in told]
    if sample is not None and sample < len(every):
        every = random.Random(seed).sample(every, sample)  # noqa: S311 - a choice, no secret
    result = []
    for module in modules(names):
        own = [mutant for of, mutant in every if of == module]
        result += [Job(module, tests_of(module), own[at : at + _CHUNK]) for at in range(0, len(own), _CHUNK)]
    return result


def _source(root: Path, module: str) -> Path:
    return root / "gitorch" / f"{module}.py"


def copied(folder: Path) -> Path:
    folder.mkdir()
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy2(source, folder / name)
    return folder


def work(job: Job, root: Path) -> Iterator[Found]:
    """Let a process that runs in the copy judge the mutants of a job."""
    env = {**os.environ, "PYTHONPATH": str(root)}
    asked = json.dumps([job.module, job.tests, job.mutants])
    command = (sys.executable, "-m", "tests.reliability.mutation", "--worker")
    done = subprocess.run(command, cwd=root, env=env, input=asked, stdout=subprocess.PIPE, text=True, check=True)
    fates = json.loads(done.stdout.splitlines()[-1])
    for mutant, fate in zip(job.mutants, fates, strict=True):
        yield Found(job.module, mutant, fate)


def _judge_all() -> None:
    """Be the worker: read a job, and print what became of its mutants."""
    import click  # noqa: F401, PLC0415 - what all mutants share is loaded once
    import hypothesis  # noqa: PLC0415
    import pytest  # noqa: F401, PLC0415
    import yaml  # noqa: F401, PLC0415

    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)  # what is found need not be made small
    hypothesis.settings.register_profile("mutants", phases=phases, database=None, derandomize=True, max_examples=40)
    hypothesis.settings.load_profile("mutants")
    module, tests, given = json.load(sys.stdin)
    source = _source(Path.cwd(), module)
    whole = source.read_text()
    start = time.monotonic()
    if _judge(tests, 300) != "survived":
        sys.exit(f"{module}: its tests fail without any mutant")
    limit = 20 + 5 * (time.monotonic() - start)
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    fates = []
    for mutant in given:
        for old in source.parent.glob(f"__pycache__/{source.stem}.*"):
            old.unlink()
        source.write_text(faulty(whole, Mutant(*mutant)))
        fates.append(_judge(tests, limit))
        sys.stderr.write(f"{module}:{mutant[0]} {fates[-1]} {mutant[1]}" + "\n")
    source.write_text(whole)
    _say(json.dumps(fates))


def _judge(tests: list[str], limit: float) -> str:
    pid = os.fork()
    if not pid:
        _run_tests(tests)
    end = time.monotonic() + limit
    while time.monotonic() < end:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return "killed" if status else "survived"
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # the group that the child has made for itself
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return "time"


def _run_tests(tests: list[str]) -> None:
    """Be the forked process: run the tests up to the first that fails, and end."""
    import pytest  # noqa: PLC0415

    code: int = 1
    try:
        os.setpgid(0, 0)
        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(quiet, stream)
        code = int(pytest.main([*_PLAIN, *tests]))
    finally:
        os._exit(code)


def run(todo: list[Job], workers: int) -> list[Found]:
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(workers) as pool:
        roots = [copied(Path(folder) / str(number)) for number in range(workers)]

        def each(job: Job) -> list[Found]:
            root = roots.pop()
            try:
                found = list(work(job, root))
            finally:
                roots.append(root)
            return found

        return [one for found in pool.map(each, todo) for one in found]


def _figures(found: list[Found]) -> str:
    fates = Counter(one.fate for one in found)
    dead = fates["killed"] + fates["time"]
    return f"{dead} of {len(found)} found ({100 * dead / max(1, len(found)):.1f} %), {fates['time']} by the time limit"


def _named(module: str, mutant: Mutant) -> str:
    return f"gitorch/{module}.py:{mutant.line}  {mutant.what}"


def main() -> Any:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", help="like core, ledger or core/moves; all of both if there are none")
    parser.add_argument("--sample", type=int, help="so many mutants, by chance")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", type=Path, help="only those that are named in what an earlier run has printed")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        return _judge_all()
    start = time.monotonic()
    told = args.again.read_text() if args.again is not None else None
    todo = jobs(args.modules, args.sample, args.seed, told)
    found = run(todo, args.workers)
    _say("\nnot found:")
    for one in found:
        if one.fate == "survived":
            _say(f"  {_named(one.module, one.mutant)}")
    for room in sorted({one.module.split("/")[0] for one in found}):
        _say(f"{room}: {_figures([one for one in found if one.module.startswith(room)])}")
    _say(f"seed {args.seed}, {time.monotonic() - start:.0f} s, {len(EQUIVALENT)} known equivalents left out")
    return None


if __name__ == "__main__":
    sys.exit(main())
