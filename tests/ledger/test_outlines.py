"""Outlines of many tasks: read in one go, and kept in a file that is never relied on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gitorch.errors import GitorchError
from gitorch.git.objects import Objects
from gitorch.git.repository import Repository, open_repository
from gitorch.ledger.outlines import read_outlines
from gitorch.ledger.state import read_state
from gitorch.ledger.tasks import read_task, read_tasks
from tests.sandbox import Sandbox

MANY = 130
OPEN = "---\nrun: make\ncheck:\n- a b\n---\n"  # not plain


@pytest.fixture
def many(sandbox: Sandbox) -> Sandbox:
    """Give a repository with tasks enough for the file to be written."""
    for number in range(MANY):
        needs = f"needs: [t{number - 1}]\n" if number else ""
        sandbox.write(f".tasks/[pending]_t{number}_task.md", f"---\n{needs}order: {number}\n---\n# t{number}\n")
    sandbox.write(".tasks/[pending]_own_task.md", OPEN)
    sandbox.git("add", "-A")
    sandbox.git("commit", "-q", "-m", "tasks")
    sandbox("adopt", "--yes")
    return sandbox


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give a list of the blobs that are asked for by the dozen."""
    found: list[str] = []
    ask = Objects.blobs

    def blobs(self: Objects, oids: Iterator[str]) -> Iterator[bytes]:
        some = list(oids)
        found.extend(some)
        return ask(self, some)

    monkeypatch.setattr(Objects, "blobs", blobs)
    return found


@contextmanager
def opened(sandbox: Sandbox) -> Iterator[Repository]:
    repository = open_repository(sandbox.root)
    try:
        yield repository
    finally:
        repository.close()


def kept(sandbox: Sandbox) -> Path:
    return sandbox.root / ".git" / "gitorch" / "outlines"


def check(sandbox: Sandbox) -> None:
    """Compare the outlines with what the tasks' files say."""
    with opened(sandbox) as repository:
        state = read_state(repository.objects)
        outlines = read_outlines(repository, state)
        assert list(outlines) == list(state.states)
        assert outlines == {name: task.outline for name, task in read_tasks(repository.objects, state).items()}
        assert outlines == {name: read_task(repository.objects, state, name).outline for name in state.states}


@pytest.mark.thorough
def test_they_are_read_once_and_then_kept(many: Sandbox, asked: list[str]) -> None:
    check(many)
    assert kept(many).is_file()
    asked.clear()
    with opened(many) as repository:
        read_outlines(repository, read_state(repository.objects))
    assert asked == []
    many.write(".tasks/[pending]_t7_task.md", "---\nkind: gather\n---\n")
    many.git("commit", "-q", "-a", "-m", "another")
    with opened(many) as repository:
        assert read_outlines(repository, read_state(repository.objects))["t7"].kind == "gather"
    assert len(asked) == 1
    check(many)


def test_of_few_nothing_is_kept(sandbox: Sandbox) -> None:
    sandbox("start", "a", "-d", "x")
    sandbox("list")
    check(sandbox)
    assert not kept(sandbox).exists()


SPOILS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut": lambda data: data[:-100],
    "changed": lambda data: data.replace(b"t1", b"t2"),
    "other-version": lambda data: data.replace(b"gitorch ", b"gitorch 0", 1),
    "noise": lambda _: bytes(range(256)) * 10,
}


@pytest.mark.parametrize("spoil", SPOILS.values(), ids=list(SPOILS))
@pytest.mark.thorough
def test_a_spoiled_file_does_no_harm(many: Sandbox, spoil: Callable[[bytes], bytes]) -> None:
    check(many)
    whole = kept(many).read_bytes()
    kept(many).write_bytes(spoil(whole))
    check(many)
    assert sorted(kept(many).read_bytes()) == sorted(whole)


@pytest.mark.thorough
def test_nor_does_one_that_cannot_be_written(many: Sandbox) -> None:
    kept(many).unlink(missing_ok=True)
    kept(many).mkdir()
    check(many)
    assert [path.name for path in kept(many).parent.glob("outlines*")] == ["outlines"]


@pytest.mark.thorough
def test_a_task_file_that_breaks_a_rule_is_told_each_time(many: Sandbox) -> None:
    check(many)
    many.write(".tasks/[pending]_t7_task.md", "---\nneeds: [t7]\n---\n")
    many.git("commit", "-q", "-a", "-m", "broken")
    for _ in range(2):
        done = many("list", code=1)
        assert ".tasks/[pending]_t7_task.md:2: needs: 't7' is no other task's name" in done.err


@pytest.mark.thorough
def test_one_file_may_be_right_for_one_task_and_wrong_for_another(many: Sandbox) -> None:
    check(many)
    many.write(".tasks/[pending]_t1_task.md", many.read(".tasks/[pending]_t2_task.md"))  # which needs t1
    many.git("commit", "-q", "-a", "-m", "the same")
    assert "'t1' is no other task's name" in many("list", code=1).err


@pytest.mark.thorough
def test_many_blobs_come_in_order_whatever_their_sizes(sandbox: Sandbox) -> None:
    sandbox.commit(a="a")
    with opened(sandbox) as repository:
        objects = repository.objects
        contents = [bytes([number % 251]) * (number * 997 % 70_000) for number in range(300)]
        oids = repository.store.write_blobs(contents, repository.scratch / "blobs")
        assert [*objects.blobs(oids)] == contents
        assert [*objects.blobs([])] == []
        for odd in ("1" * 40, objects.tree_of("HEAD")):
            with pytest.raises(GitorchError, match=f"blob {odd} is missing"):
                [*objects.blobs([oids[0], odd])]
        assert objects.blob(oids[1]) == contents[1]
