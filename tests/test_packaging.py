"""What is shipped: wheel and sdist carry all data files, and the program works from each kind of installation.

Nothing is downloaded: builds use the installed hatchling, and new environments borrow this one's dependencies.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEEDED = ("hatchling", "pip", "venv")
DATA = {
    "templates": sorted(path.name for path in (ROOT / "templates").glob("*.yaml")),
    "hooks": sorted(path.name for path in (ROOT / "hooks").iterdir()),
    "agents": sorted(path.name for path in (ROOT / "gitorch/agents").glob("*.yaml")),
    "sample": sorted(
        path.relative_to(ROOT / "gitorch/sample").as_posix()
        for path in (ROOT / "gitorch/sample").rglob("*")
        if path.is_file()
    ),
}
IGNORED = shutil.ignore_patterns(".agents", ".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "build", "dist")


def start(*command: str | Path, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        [str(each) for each in command],
        cwd=cwd,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the checkout, so that building leaves nothing in it."""
    lacking = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if lacking and not os.environ.get("REQUIRE_PACKAGING"):
        pytest.skip(f"not installed here: {', '.join(lacking)}")
    assert not lacking
    copy = tmp_path_factory.mktemp("source") / "gitorch"
    shutil.copytree(ROOT, copy, ignore=IGNORED)
    return copy


@pytest.fixture(scope="module")
def built(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build sdist and wheel; gives the folder that holds them."""
    folder = tmp_path_factory.mktemp("dist")
    start(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=source)
    return folder


def wheel(folder: Path) -> Path:
    return next(folder.glob("*.whl"))


def names_in_wheel(folder: Path) -> set[str]:
    with zipfile.ZipFile(wheel(folder)) as archive:
        return set(archive.namelist())


def environment(folder: Path) -> Path:
    """Make an environment that finds what is installed in ours, after what it holds itself; gives its Python."""
    start(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    own = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    (own / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "python"


def install(python: Path, *what: str | Path) -> None:
    options = ("--no-deps", "--no-index", "--no-build-isolation", "--ignore-installed", "--no-warn-script-location")
    start(
        *(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--disable-pip-version-check"),
        *(*options, *what),
        cwd=python.parent,
    )


@pytest.mark.thorough
def test_the_wheel_carries_all_data(built: Path) -> None:
    names = names_in_wheel(built)
    for folder, files in {
        "gitorch/shipped/templates": DATA["templates"],
        "gitorch/shipped/hooks": DATA["hooks"],
        "gitorch/agents": DATA["agents"],
        "gitorch/sample": DATA["sample"],
    }.items():
        assert files
        assert {f"{folder}/{name}" for name in files} <= names
    assert not [name for name in names if name.startswith(("tests/", "docs/")) or "__pycache__" in name]


def test_the_sdist_is_the_whole_project_and_builds_the_same_wheel(built: Path, tmp_path: Path) -> None:
    unpacked = tmp_path / next(built.glob("*.tar.gz")).name.removesuffix(".tar.gz")
    with tarfile.open(f"{built / unpacked.name}.tar.gz") as archive:  # extractall differs among versions of Python
        for member in archive:
            content = archive.extractfile(member)
            if content is not None:
                (tmp_path / member.name).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / member.name).write_bytes(content.read())
    for folder in ("templates", "hooks"):
        assert sorted(path.name for path in (unpacked / folder).iterdir()) == DATA[folder]
    for path in ("README.md", "CHANGELOG.md", "LICENSE", "docs/format.md", "tests/test_packaging.py", "pyproject.toml"):
        assert (unpacked / path).is_file(), path
    again = tmp_path / "dist"
    start(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", again, cwd=unpacked)
    assert names_in_wheel(again) == names_in_wheel(built)


@pytest.mark.thorough
@pytest.mark.parametrize("way", ["wheel", "editable"])
def test_the_installed_program_works_in_an_unrelated_folder(way: str, request: pytest.FixtureRequest) -> None:
    tmp_path: Path = request.getfixturevalue("tmp_path")
    python = environment(tmp_path / "env")
    if way == "wheel":
        install(python, wheel(request.getfixturevalue("built")))
    else:
        install(python, "-e", request.getfixturevalue("source"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path = os.pathsep.join([str(python.parent), os.environ["PATH"]])
    place = start(python, "-c", "import gitorch; print(gitorch.__file__)", cwd=elsewhere).strip()
    assert Path(place).parents[1] != ROOT
    listed = start("gitorch", "templates", "list", cwd=elsewhere, PATH=path)
    assert [line.split()[0] for line in listed.splitlines()] == [
        name.removesuffix(".yaml") for name in DATA["templates"]
    ]
    told = start("gitorch", "demo", "--into", tmp_path / "demo", cwd=elsewhere, PATH=path)
    assert "verified: 8 records" in told
    assert (tmp_path / "demo" / DATA["sample"][0]).is_file()
    assert start("git", "orch", "--version", cwd=elsewhere, PATH=path).startswith("gitorch ")
    assert not list(elsewhere.iterdir())
