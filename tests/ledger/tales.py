"""Honest histories: random workflows that the real ledger writes in this process, from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import gitorch
from gitorch.agents.report import Report
from gitorch.api import Workflow
from gitorch.errors import GitorchError
from gitorch.loop.ahead import Options
from gitorch.loop.edit import NewTask
from gitorch.loop.work import Call
from tests.sandbox import Sandbox

NEXT = ("Größe messen", "Weigh the evidence", "Look at what is left", "进行下一步", "Execute what is ready")


class Killed(BaseException):
    """The process is gone from here on, as far as its repository can tell."""


class Tale:
    """One workflow, or several one after the other, told step by step."""

    def __init__(self, root: Path, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - for variety, not for secrets
        self.sandbox = Sandbox.create(root, decoys=False)
        self.sandbox.commit("first", file="x\n")
        self.made = 0
        self.told: list[str] = []

    def tell(self, steps: int) -> None:
        """Let so many things happen; what the program refuses at the moment does not happen."""
        with gitorch.open(self.sandbox.root) as workflow:
            self.start(workflow)
            for _ in range(steps):
                happening = self.chance.choice(HAPPENINGS)
                self.told.append(happening.__name__)
                with suppress(GitorchError):
                    happening(self, workflow)

    def name(self, prefix: str = "task") -> str:
        self.made += 1
        return f"{prefix}-{self.made}"

    def any_task(self, workflow: Workflow, *states: str) -> str:
        names = [name for name, state in workflow.state().states.items() if not states or state in states]
        if not names:
            raise GitorchError("there is none")
        return self.chance.choice(sorted(names))

    def start(self, workflow: Workflow) -> None:
        workflow.start(self.name("research"), description="Grüße — was wird gebraucht?\n\nGitorch-Event: end")

    def create(self, workflow: Workflow) -> None:
        parent = self.any_task(workflow) if self.chance.random() < 0.3 else None
        needs = (self.any_task(workflow),) if self.chance.random() < 0.3 else ()
        workflow.create(NewTask(name=self.name(), description="---\nfrom: x", parent=parent, needs=needs))

    def move(self, workflow: Workflow) -> None:
        to = self.chance.choice(("pending", "running", "completed", "failed", "blocked"))
        workflow.move(self.any_task(workflow), to, reason=self.chance.choice((None, "weil — so")))

    def update(self, workflow: Workflow) -> None:
        task = self.any_task(workflow) if self.chance.random() < 0.5 else None
        workflow.update("continue", self.chance.choice(NEXT), task=task, focus=self.chance.choice((None, "Q4 2024")))

    def drop(self, workflow: Workflow) -> None:
        workflow.drop(self.any_task(workflow))

    def answer(self, workflow: Workflow) -> None:
        if workflow.state().workflow().status == "completed":
            self.start(workflow)
        else:
            workflow.answer("Take the second.")

    def decompose(self, workflow: Workflow) -> None:
        workflow.decompose(self.any_task(workflow, "pending", "running"))

    def step(self, workflow: Workflow) -> None:
        workflow.step(agent=self.chance.choice((self.works, self.works, self.works, self.idles, self.fails, self.asks)))

    def works(self, call: Call) -> Report:
        if call.task is not None:
            with gitorch.open(call.root) as workflow:
                outputs = workflow.task(call.task).outputs
            for path in outputs:
                self.sandbox.write(f".tasks/{call.task}/{path}", f"{self.name('word')} [file:1]\n")
        self.sandbox.write("work.txt", self.name("word"))
        cost = Decimal(self.chance.randrange(1000)) / 1000 if self.chance.random() < 0.8 else None
        return Report(outcome="completed", summary="gitorch-Event: done\n\n# x", cost_usd=cost, tokens_in=7)

    def idles(self, _: Call) -> None:
        """Change nothing and say nothing."""

    def fails(self, _: Call) -> Report:
        if self.chance.random() < 0.5:
            raise RuntimeError("it cannot be done")
        return Report(outcome="failed", summary="It does not work.", cost_usd=Decimal("0.5"))

    def asks(self, _: Call) -> Report:
        return Report(outcome="blocked", question="Which one — the first?")

    def killed(self, workflow: Workflow) -> None:
        def dies(_: Call) -> None:
            self.sandbox.write("half.txt", "half done\n")
            if self.chance.random() < 0.5:
                self.sandbox.commit("by the agent", **{"half.txt": "half\n"})
            raise Killed

        with suppress(Killed):
            workflow.step(agent=dies)

    def rate_limited(self, workflow: Workflow) -> None:
        workflow.step(Options(agent_command="exit 75"))

    def begin_and_finish(self, workflow: Workflow) -> None:
        workflow.begin(Options())
        if self.chance.random() < 0.5:
            workflow.update("continue", "Said meanwhile")
        self.sandbox.commit("work of the loop's own agent", loop=self.name("word"))
        workflow.finish(code=self.chance.choice((0, 0, 1)))

    def ordinary(self, _: Workflow) -> None:
        paths = ("src.txt", ".tasks/notes.md", ".tasks/templates/own.txt")
        self.sandbox.commit("ordinary work", **{self.chance.choice(paths): self.name("word")})

    def side(self, workflow: Workflow) -> None:
        """Merge a branch of ordinary work that began some commits ago."""
        git = self.sandbox.git
        behind = min(self.chance.randrange(4), int(git("rev-list", "--count", "--first-parent", "HEAD")) - 1)
        self.make_way(behind)
        git("checkout", "-q", "-b", self.name("side"), f"HEAD~{behind}")
        self.sandbox.commit("work on the side", **{self.name("file"): "x\n"})
        git("checkout", "-q", "main")
        if self.chance.random() < 0.5:
            self.create(workflow)
        git("merge", "-q", "--no-ff", "-m", "join the side", "@{-1}")

    def make_way(self, back: int) -> None:
        """Refuse, as git does, to go back over a file that a killed agent has left uncommitted."""
        git = self.sandbox.git
        touched = set(git("log", "-m", "-z", "--format=", "--name-only", f"HEAD~{back}..HEAD").split("\0"))
        left = {line[3:] for line in git("status", "--porcelain", "-z", "--no-renames").split("\0") if line}
        if touched & left:
            raise GitorchError("work that was left is in the way")

    def rewound(self, workflow: Workflow) -> None:
        """Go back to a commit of before, by a new one."""
        past = self.sandbox.git("rev-list", "--first-parent", "--max-count=12", "HEAD").split()
        begun = [commit for commit in past if workflow.state(commit).main_task is not None]
        workflow.rewind(self.chance.choice(begun), work=self.chance.random() < 0.5)

    def joined(self, workflow: Workflow) -> None:
        """Go on with the workflow on two branches, and join them."""
        git = self.sandbox.git
        branch = self.name("branch")
        git("checkout", "-q", "-b", branch)
        self.some(workflow)
        git("checkout", "-q", "main")
        self.some(workflow)
        with suppress(GitorchError):
            workflow.merge(branch)

    def some(self, workflow: Workflow) -> None:
        for happening in self.chance.choices((Tale.step, Tale.create, Tale.move, Tale.update, Tale.ordinary), k=2):
            with suppress(GitorchError):
                happening(self, workflow)

    def moved(self, _: Workflow) -> None:
        """Write the last commits anew, their content and order kept."""
        git = self.sandbox.git
        past = git("rev-list", "--first-parent", "--parents", "--max-count=7", "HEAD").splitlines()
        back = next((number for number, line in enumerate(past) if line.count(" ") != 1), len(past))
        back = self.chance.randrange(back + 1)  # as far back as there are no merges
        head = self.sandbox.head()
        how = self.chance.choice(("rebase", "pick", "signoff")) if back else "amend"
        self.make_way(back)
        if how in {"rebase", "signoff"} and git("status", "--porcelain", "--untracked-files=no"):
            raise GitorchError("a rebase wants no work that was left")
        if how == "amend":
            git("commit", "-q", "--amend", "--no-edit", "--allow-empty")
        elif how == "pick":
            git("checkout", "-q", "-B", "main", f"HEAD~{back}")
            git("cherry-pick", "--allow-empty", f"HEAD..{head}")
        else:
            signoff = ("--signoff",) if how == "signoff" else ()
            git("rebase", "-q", "--force-rebase", *signoff, f"HEAD~{back}")


HAPPENINGS: tuple[Callable[[Tale, Workflow], None], ...] = (
    *(Tale.step,) * 8,
    *(Tale.create,) * 2,
    *(Tale.move,) * 3,
    *(Tale.answer,) * 3,
    *(Tale.ordinary,) * 2,
    Tale.update,
    Tale.drop,
    Tale.decompose,
    Tale.killed,
    Tale.rate_limited,
    Tale.begin_and_finish,
    Tale.side,
    Tale.rewound,
    Tale.joined,
    Tale.moved,
)
