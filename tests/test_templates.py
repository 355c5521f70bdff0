from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from gitorch.core import expand as expanding
from gitorch.core import template as templates
from gitorch.core.main_task import sentence_problem
from gitorch.core.names import task_dir
from gitorch.core.task import Task
from gitorch.core.template import Template

FOLDER = Path(__file__).parents[1] / "templates"
SHIPPED = {path.stem: templates.parse(path.read_text(), path.name) for path in sorted(FOLDER.glob("*.yaml"))}
MAIN = Task(name="semiconductor-research", description="# semiconductor-research\n\nWhat do AI chips cost?")


def expand(name: str, **values: str | tuple[str, ...]) -> list[Task]:
    return expanding.expand(SHIPPED[name], MAIN, values)


def local_names(tasks: list[Task]) -> list[str]:
    return [task.name.removeprefix(f"{MAIN.name}-") for task in tasks]


RESEARCH = {"research", "competitive-analysis", "market-research", "technical-deepdive", "repo-review"}
CODE = {"feature", "bugfix", "refactoring", "migration"}


def test_what_is_shipped() -> None:
    assert set(SHIPPED) == RESEARCH | CODE
    assert all(name == template.name for name, template in SHIPPED.items())


@pytest.mark.parametrize("template", SHIPPED.values(), ids=SHIPPED)
def test_each_expands_without_parameters(template: Template) -> None:
    templates.check_nesting(template, SHIPPED)
    values = {"files": ("a.py", "b.py")} if "files" in template.parameters else {}
    tasks = expanding.expand(template, MAIN, values)
    for task in tasks:
        assert "{" not in task.description
        assert task.focus is None or sentence_problem(task.focus) is None
        assert task.outputs or task.template or template.name in CODE
        if task.run is None:
            assert "What do AI chips cost?" in task.description
        if task.outputs and not (task.run or task.template):
            assert ".tasks/" in task.description
            assert all(output in task.description for output in task.outputs)


def test_research_is_the_three_steps() -> None:
    tasks = expand("research")
    assert local_names(tasks) == ["data-gathering", "analysis", "synthesis"]
    assert [task.kind for task in tasks] == ["gather", "execute", "synthesize"]
    assert tasks[1].needs == (tasks[0].name,)


def test_market_research_sizes_the_market() -> None:
    assert "market-sizing" in local_names(expand("market-research"))


def test_competitors_and_aspects_can_be_given() -> None:
    names = local_names(expand("competitive-analysis", competitors=("Acme Corp", "Globex")))
    assert names == ["landscape", "profile-acme-corp", "profile-globex", "comparison", "synthesis"]
    assert "security" in local_names(expand("technical-deepdive", aspects="security, speed"))


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("semiconductor-research", "research"),
        ("chip-market-research", "market-research"),
        ("chip-market-analysis", "market-research"),
        ("crm-competitive-analysis", "competitive-analysis"),
        ("competitor-research", "competitive-analysis"),
        ("storage-technical-deepdive", "technical-deepdive"),
        ("deep-dive-storage", "technical-deepdive"),
        ("billing.architecture", "technical-deepdive"),
        ("our-codebase-review", "repo-review"),
        ("repo-review", "repo-review"),
        ("supermarket-list", None),
    ],
)
def test_names_choose(name: str, chosen: str | None) -> None:
    found = templates.choose(name, SHIPPED.values())
    assert (found.name if found else None) == chosen


class Review:
    """Runs repo-review's commands in a repository as gitorch does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.env = {"PATH": os.environ["PATH"], "HOME": str(path), "GIT_CONFIG_GLOBAL": os.devnull}
        self.env |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_COMMITTER_NAME": "C", "GIT_COMMITTER_EMAIL": "c@example.org"}
        self.sh("git", "init", "-q", "-b", "main")

    def sh(self, *args: str, **env: str) -> str:
        done = subprocess.run(args, cwd=self.path, env={**self.env, **env}, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def commit(self, author: str, month: str, files: dict[str, bytes]) -> None:
        for name, data in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        date = f"2024-{month}-01T12:00:00Z"
        self.sh("git", "add", "-A", "-f")
        who = {"GIT_AUTHOR_NAME": author, "GIT_AUTHOR_EMAIL": f"{author[0]}@example.org", "GIT_AUTHOR_DATE": date}
        self.sh("git", "commit", "-q", "-m", "x", GIT_COMMITTER_DATE=date, **who)

    def run(self) -> dict[str, str]:
        reports = {}
        for task in expand("repo-review"):
            assert task.run is not None
            folder = self.path / task_dir(task.name)
            folder.mkdir(parents=True)
            parameters = {
                f"GITORCH_PARAM_{name.upper()}": value if isinstance(value, str) else "\n".join(value)
                for name, value in task.parameters.items()
            }
            needs = "\n".join(map(task_dir, task.needs))
            variables = {"GITORCH_TASK_DIR": task_dir(task.name), "GITORCH_NEEDS": needs, **parameters}
            assert self.sh("sh", "-c", task.run, **variables).strip()
            for output in task.outputs:
                text = (folder / output).read_text()
                assert text.strip()
                reports[output] = text
        return reports


ODD = {
    "with space.py": b"a\n",
    'quo"te|`.md': b"FIXME\n",
    "new\nline.txt": b"TODO\nTODO\n",
    "-dash[x]*.c": b"",
    "ü.txt": b"1\n",
}


def test_repo_review_counts(tmp_path: Path) -> None:
    review = Review(tmp_path)
    review.commit("Ann | `A`", "01", {**ODD, ".tasks/x/TODO.md": b"TODO\n", "blob.bin": b"\0" * 9})
    for month in ("01", "02", "04"):
        text = month.encode()
        review.commit("Ann | `A`", month, {"src/hot.py": text + b"\n# TODO\n", "docs/tied.md": text})
    review.commit("Bob", "03", {"tests/test_x.py": b"pass\n"})
    review.commit("Eve", "05", {".tasks/MAIN_TASK": b"STATUS: continue\n"})
    (tmp_path / ".git/info").mkdir(exist_ok=True)
    review.sh("git", "config", "log.showRoot", "false")
    review.sh("git", "config", "color.ui", "always")
    reports = review.run()
    assert "author\t4\tAnn | `A`\nauthor\t1\tBob\nmonth\t2\t2024-01\n" in reports["history.tsv"]
    assert "Eve" not in reports["history.tsv"]
    assert "Ann \\| \\`A\\`" in reports["history.md"]
    assert "| 2024-03 | 1 |" in reports["history.md"]
    assert 'todo\t2\t"new\\nline.txt"\n' in reports["files.tsv"]
    assert "file\t-\t9\tblob.bin\n" in reports["files.tsv"]
    assert "hot\t6\t3\t2\tsrc/hot.py\n" in reports["hotspots.tsv"]
    assert "pair\t3\tdocs/tied.md\tsrc/hot.py\n" in reports["hotspots.tsv"]
    assert not any(".tasks/" in line for name in ("files.tsv", "hotspots.tsv") for line in reports[name].splitlines())
    report = reports["report.md"]
    assert "| Commits | 5 |" in report
    assert "| Bus factor | 1 |" in report
    assert "| Lines with TODO, FIXME, XXX or HACK | 4 |" in report
    assert "`docs/tied.md` and `src/hot.py` (3 commits)" in report
    assert "no README" in report
    assert "named like a test" not in report


def test_repo_review_of_one_commit_without_files(tmp_path: Path) -> None:
    review = Review(tmp_path)
    review.commit("Ann", "01", {".tasks/MAIN_TASK": b"STATUS: continue\n"})
    assert "| Commits | 0 |" in review.run()["report.md"]


def test_repo_review_refuses_a_wrong_parameter(tmp_path: Path) -> None:
    review = Review(tmp_path)
    review.commit("Ann", "01", {"a": b"a\n"})
    for task in expand("repo-review", top="many")[:3]:
        done = subprocess.run(
            ["sh", "-c", task.run or ""],
            cwd=tmp_path,
            env={**review.env, "GITORCH_PARAM_TOP": "many", "GITORCH_PARAM_SINCE": "", "GITORCH_TASK_DIR": "."},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (2, "error: parameter top: a whole number is wanted\n")
