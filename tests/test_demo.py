from __future__ import annotations

import re
from pathlib import Path

import pytest

from gitorch.commands.demo import _WANTED
from gitorch.local import citations
from tests.sandbox import Sandbox, run

PARTS = ("data-gathering/sources.md", "analysis/analysis.md", "synthesis/report.md")
QUOTED = re.compile(r"^`([^`\n]+):(\d+)(?:-(\d+))?`\n\n(`{3,})\w*\n(.*?)\n\4$", re.MULTILINE | re.DOTALL)
SAMPLE = Path(__file__).parents[1] / "gitorch" / "sample"


def everything(root: Path) -> dict[str, bytes | str]:
    """Give all that is in a repository, its git folder included."""
    return {
        str(path.relative_to(root)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def outputs(copy: Path, name: str = "repository-research") -> list[str]:
    return [(copy / f".tasks/{name}-{part}").read_text() for part in PARTS]


def check_citations(copy: Path) -> int:
    """See that what the outputs cite is there, and that what they quote stands there; gives the number of both."""
    seen = 0
    for text in outputs(copy):
        for path, first, last in citations.find(text):
            assert 1 <= first <= last <= len((copy / path).read_text().split("\n"))
            seen += 1
        for shown, first_, last_, _, quoted in QUOTED.findall(text):
            lines = (copy / citations.read_path(shown)).read_text().split("\n")[int(first_) - 1 : int(last_ or first_)]
            for line, said in zip(lines, quoted.split("\n"), strict=True):
                assert line.rstrip("\r").startswith(said.removesuffix("…"))
            seen += 1
    return seen


@pytest.fixture
def elsewhere(tmp_path: Path) -> Sandbox:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return Sandbox(folder)


@pytest.mark.thorough
def test_a_dirty_repository_is_left_untouched(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.commit("notes", **{"README.md": "# A project\n\nIt is tested with make, and installed by hand.\n"})
    sandbox.git("branch", "other")
    sandbox.git("tag", "v1")
    sandbox.write("README.md", "# A project, edited\n")
    sandbox.write("staged.txt", "staged\n")
    sandbox.git("add", "staged.txt")
    sandbox.write("staged.txt", "staged, then edited\n")
    sandbox.write("untracked.txt", "untracked\n")
    before, status = everything(sandbox.root), sandbox.status()
    sandbox("demo", "--into", str(tmp_path / "copy"))
    assert everything(sandbox.root) == before
    assert sandbox.status() == status
    assert (tmp_path / "copy/README.md").read_text().startswith("# A project\n")
    assert not (tmp_path / "copy/untracked.txt").exists()
    assert Sandbox(tmp_path / "copy")("verify", "--json").json["ok"]


@pytest.mark.thorough
def test_a_repository_with_a_workflow_of_its_own(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.commit("notes", **{"README.md": "# A project\n"})
    sandbox("start", "repository-research", "-d", "What is this?")
    before = everything(sandbox.root)
    sandbox("demo", "--into", str(tmp_path / "copy"))
    assert everything(sandbox.root) == before
    assert outputs(tmp_path / "copy", "repository-research")
    again = Sandbox(tmp_path / "copy")
    again("demo", "--into", str(tmp_path / "again"))
    assert outputs(tmp_path / "again", "repository-research")
    assert Sandbox(tmp_path / "again")("verify", "--json").json["ok"]


@pytest.mark.thorough
def test_outside_a_repository_the_sample_is_used(elsewhere: Sandbox, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    told = elsewhere("demo", "--into", str(copy)).out
    assert "sample" in told
    for path in SAMPLE.rglob("*"):
        if path.is_file():
            assert (copy / path.relative_to(SAMPLE)).read_bytes() == path.read_bytes()
    assert all(str(copy / f".tasks/repository-research-{part}") in told for part in PARTS)
    assert Sandbox(copy).status() == ""
    assert not list(elsewhere.root.iterdir())


@pytest.mark.thorough
def test_an_unborn_repository_gets_the_sample_too(elsewhere: Sandbox, tmp_path: Path) -> None:
    elsewhere.git("init", "-q")
    before = everything(elsewhere.root)
    assert "sample" in elsewhere("demo", "--into", str(tmp_path / "copy")).out
    assert everything(elsewhere.root) == before


@pytest.mark.thorough
def test_a_new_temporary_folder_is_the_default(elsewhere: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    told = elsewhere("demo", env={"TMPDIR": str(tmp_path / "tmp")}).out
    (copy,) = [path for path in (tmp_path / "tmp").iterdir() if (path / ".git").is_dir()]
    assert f"working in a copy: {copy}" in told


@pytest.mark.thorough
def test_it_works_where_git_does_not_know_who_you_are(sandbox: Sandbox, tmp_path: Path, sealed: Path) -> None:
    sandbox.commit("notes", **{"README.md": "# A project\n"})
    (sealed / ".gitconfig").write_text("[user]\n\tuseConfigOnly = true\n[commit]\n\tgpgsign = true\n")
    sandbox("demo", "--into", str(tmp_path / "copy"))
    done = run("git", "log", "-1", "--format=%an", cwd=tmp_path / "copy")
    assert done.out == "gitorch demo\n"


@pytest.mark.thorough
def test_a_folder_with_something_in_it_is_refused(elsewhere: Sandbox, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "mine.txt").write_text("mine\n")
    done = elsewhere("demo", "--into", str(copy), code=2)
    assert "not empty" in done.err
    assert everything(copy) == {"mine.txt": b"mine\n"}
    (copy / "mine.txt").unlink()
    elsewhere("demo", "--into", str(copy))


def test_it_is_refused_inside_an_invocation(elsewhere: Sandbox, tmp_path: Path) -> None:
    elsewhere("demo", "--into", str(tmp_path / "copy"), code=1, env={"GITORCH_INVOCATION": "0" * 32})
    assert not (tmp_path / "copy").exists()


@pytest.mark.thorough
def test_what_it_cites_and_quotes_is_true(elsewhere: Sandbox, tmp_path: Path) -> None:
    elsewhere("demo", "--into", str(tmp_path / "copy"))
    assert check_citations(tmp_path / "copy") > 40
    report = outputs(tmp_path / "copy")[2]
    assert "no model was used" in report
    topics = [line.removeprefix("### ") for line in report.split("\n") if line.startswith("### ")]
    assert len([topic for topic in topics if topic in _WANTED]) > 3
