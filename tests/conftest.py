"""Sealed surroundings, and real repositories to try things in."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from pathlib import Path

import hypothesis
import pytest

from tests.loop.bench import Bench
from tests.sandbox import Sandbox, end_started

_OUTSIDE = ("GIT_", "GITORCH_", "XDG_", "ANTHROPIC_", "CLAUDE_", "OPENAI_", "PYTHON")
_COPY = ("PYTHONPATH", str(Path(__file__).parents[1]))  # these tests are of a copy that is not installed

_CASES = 2  # that are run of a test which has more, and a repository for each


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every", action="store_true", help="run every case of tests that have many")
    parser.addoption("--update-screens", action="store_true", help="write the expected screens again")
    parser.addoption("--heavy", action="store_true", help="run the long forms of the heavy suites too, and every case")


def pytest_configure(config: pytest.Config) -> None:
    hypothesis.settings.register_profile("short", max_examples=40)
    if not (config.getoption("--every") or config.getoption("--heavy")):
        hypothesis.settings.load_profile("short")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--heavy"):
        return
    skip = pytest.mark.skip(reason="long form: run with --heavy")
    for item in items:
        if "heavy" in item.keywords:
            item.add_marker(skip)
    if not config.getoption("--every") and not any("[" in arg or "::" in arg for arg in config.args):
        spared = _spared(items) | {item for item in items if "thorough" in item.keywords}
        config.hook.pytest_deselected(items=[item for item in items if item in spared])
        items[:] = [item for item in items if item not in spared]


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()  # the tests themselves stay to the end, and need not be looked through again and again


def pytest_unconfigure() -> None:
    end_started()


def _spared(items: list[pytest.Item]) -> set[pytest.Item]:
    """Of tests that make a repository for each of many cases, leave out all but some, spread over the list."""
    groups: dict[str, list[pytest.Item]] = {}
    for item in items:
        if "tmp_path" in getattr(item, "fixturenames", ()) and "heavy" not in item.keywords:
            groups.setdefault(item.nodeid.partition("[")[0], []).append(item)
    spared: set[pytest.Item] = set()
    for cases in groups.values():
        if len(cases) > _CASES:
            run = {number * (len(cases) - 1) // (_CASES - 1) for number in range(_CASES)}
            spared.update(case for number, case in enumerate(cases) if number not in run)
    return spared


def _shared(factory: pytest.TempPathFactory) -> Path:
    """Give the folder of this run of the tests, which all of its workers have in common."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(autouse=True)
def sealed(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep every test away from the developer's home, git settings, keys and locale; what is killed leaves nothing."""
    home = tmp_path_factory.mktemp("home")
    temporary = tmp_path_factory.getbasetemp() / "tmp"
    temporary.mkdir(exist_ok=True)
    monkeypatch.setattr(tempfile, "tempdir", None)
    for key, value in list(os.environ.items()):
        if key.startswith(_OUTSIDE) and (key, value) != _COPY:
            monkeypatch.delenv(key)
    values = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "GIT_CEILING_DIRECTORIES": str(tmp_path_factory.getbasetemp().parent),
        "TMPDIR": str(temporary),
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        # all programs that tests start share one folder of compiled modules, whatever the developer has set
        "PYTHONPYCACHEPREFIX": str(_shared(tmp_path_factory) / "compiled"),
    }
    for key, value in values.items():
        monkeypatch.setenv(key, value)
    (home / ".gitconfig").write_text(
        "[user]\n\tname = Test User\n\temail = test@example.invalid\n"
        "[init]\n\tdefaultBranch = main\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n"
        "[core]\n\tfsync = none\n"  # no test cuts the power
        "[gitorch]\n\tagent = local\n"
    )
    # the installed program is the one beside the interpreter that runs the tests
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    return home


@pytest.fixture
def no_agent(sealed: Path) -> None:
    """Configure no agent: the sealed settings choose the built-in one."""
    settings = sealed / ".gitconfig"
    settings.write_text(settings.read_text().replace("[gitorch]\n\tagent = local\n", ""))


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    """Give a fresh repository with decoys whose names git, shells or globs could take for task files."""
    return Sandbox.create(tmp_path / "repo")


@pytest.fixture
def bench(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Give a repository with a workflow under way."""
    return Bench.make(tmp_path / "repo", tmp_path_factory.getbasetemp() / "pattern")
