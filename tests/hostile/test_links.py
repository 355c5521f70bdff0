"""Tracked links that lead out of the repository: nothing is written through them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostile.arena import DOCUMENTED, READING, SHORT, WRITING, Arena
from tests.sandbox import quickly, run, short_form

TASK = ".tasks/[pending]_u_task.md"
# the link, what it leads to outside, and the outputs that the task promises
LINKS: dict[str, tuple[str, str, str]] = {
    "the task's folder": (".tasks/u", "folder", ""),
    "the task's file": (TASK, "task.md", ""),
    "an output": (".tasks/u/notes.md", "folder/note.md", "notes.md"),
    "the templates": (".tasks/templates", "folder", ""),
    "MAIN_TASK": (".tasks/MAIN_TASK", "MAIN_TASK", ""),
    "an output to nowhere": (".tasks/u/notes.md", "nowhere.md", "notes.md"),
    "the agents": (".tasks/agents", "folder", ""),
    "the folder of a task to come": (".tasks/n", "folder", ""),
    "the folder of tasks": (".tasks", "folder", ""),
    "the task's folder, to nowhere": (".tasks/u", "nowhere", ""),
    "an output's folder": (".tasks/u/sub", "folder", "sub/notes.md"),
    "the folder of skills": (".claude", "folder", ""),
}
OTHERS = (".tasks/templates", ".tasks/agents", ".tasks/n", ".claude")


def plant(arena: Arena, link: str, target: str, outputs: str = "") -> None:
    place = arena.root / link
    if outputs:
        arena.write(TASK, f"---\noutputs: [{outputs}]\n---\n\n# u\n\nWhich gauges rust?\n")
    if place.is_dir():
        place.rename(arena.root / "elsewhere")
    place.unlink(missing_ok=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(arena.outside / target)
    arena.commit_all()


@pytest.mark.parametrize(("link", "target", "outputs"), short_form(LINKS, 4))
@pytest.mark.thorough
def test_nothing_is_written_through_a_link(
    request: pytest.FixtureRequest, arena: Arena, link: str, target: str, outputs: str
) -> None:
    plant(arena, link, target, outputs)
    assert (arena.root / link).resolve().is_relative_to(arena.outside)
    whole = (*READING, *WRITING) if request.config.getoption("--heavy") else SHORT
    arena.endures((*whole, ("init", "--claude")))


@pytest.mark.thorough
def test_nothing_is_written_through_several_links(arena: Arena) -> None:
    for link in OTHERS:
        plant(arena, link, "folder")
    arena.endures((*SHORT, ("create", "n"), ("decompose", "n", "--auto"), ("agents", "list"), ("init", "--claude")))


@pytest.mark.thorough
def test_the_local_agent_says_which_link_it_does_not_write_through(arena: Arena) -> None:
    plant(arena, ".tasks/u/sub", "folder", "sub/notes.md")
    (ran,) = arena.endures((("step", "--agent", "local"),))
    assert ".tasks/u/sub is a symbolic link, and nothing is written through one" in ran.out
    assert arena.states()["u"] == "pending"


@pytest.mark.thorough
def test_the_local_agent_writes_through_no_link_in_place_of_an_output(arena: Arena) -> None:
    plant(arena, ".tasks/u/notes.md", "folder/note.md", "notes.md")
    with arena.copied() as copy:  # any other program would write there
        quickly(copy.root, "step", "--agent-command", "echo mine >> .tasks/u/notes.md")
    assert (arena.outside / "folder/note.md").read_text() == "Gauges outside.\nmine\n"
    (ran,) = arena.endures((("step", "--agent", "local"),))
    assert ".tasks/u/notes.md is a symbolic link" in ran.out
    assert (arena.root / ".tasks/u/notes.md").is_symlink()


TARGETS = (
    ("gitorch-report.html", ("report",)),
    ("linked/page.html", ("report", "-o", "linked/page.html")),
    ("out.json", ("export", "json", "-o", "out.json")),
    ("none.json", ("export", "json", "-o", "none.json")),
    ("linked/out.dot", ("export", "dot", "-o", "linked/out.dot")),
)


def test_a_file_to_be_written_is_not_looked_for_outside(arena: Arena) -> None:
    for link, target in (("gitorch-report.html", "task.md"), ("out.json", "task.md"), ("none.json", "nowhere")):
        (arena.root / link).symlink_to(arena.outside / target)
    (arena.root / "linked").symlink_to(arena.outside / "folder")
    arena.commit_all()
    for place, args in TARGETS:
        assert (arena.root / place).resolve().is_relative_to(arena.outside)
        (ran,) = arena.endures((args,))
        assert (ran.code, ran.out) == (1, "")


def test_a_link_of_the_users_own_may_be_written_to(arena: Arena, tmp_path: Path) -> None:
    (tmp_path / "mine.dot").symlink_to(arena.outside / "mine.dot")
    assert quickly(arena.root, "export", "dot", "-o", str(tmp_path / "mine.dot")).code == 0
    assert (arena.outside / "mine.dot").read_text().startswith("digraph")


@pytest.mark.thorough
def test_going_back_takes_away_a_link_and_not_what_it_leads_to(arena: Arena) -> None:
    arena.commit("folder", **{"docs/note.md": "Gauges inside.\n"})
    before = arena.head()
    swap = f"rm docs/note.md && rmdir docs && ln -s '{arena.outside}/folder' docs"
    for end, code in (("", 10), ("; exit 3", 0)):
        arena("update", "continue", "Execute u", "--task", "u")
        surroundings = arena.surroundings()
        arena("step", "--agent-command", swap + end, code=code)
        arena("rewind", "--work", before, code=0 if code else None)
        assert arena.read("docs/note.md") == "Gauges inside.\n"
        assert not (arena.root / "docs").is_symlink()
        assert arena.surroundings() == surroundings


@pytest.mark.thorough
def test_a_template_that_is_a_link_to_an_endless_device(arena: Arena) -> None:
    (arena.root / ".tasks/templates").mkdir()
    (arena.root / ".tasks/templates/mine.yaml").symlink_to("/dev/zero")
    arena.commit_all()
    limited = 'ulimit -v 600000 && exec gitorch -C "$0" templates list'
    ran = run("sh", "-c", limited, str(arena.root), cwd=arena.root.parent)
    assert ran.code in DOCUMENTED
    assert "has a bug" not in ran.err
    assert "mine.yaml" in ran.err
