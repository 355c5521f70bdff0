"""The command line: what the words are. What they do is in `gitorch.commands`, imported only when it is needed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from gitorch import __version__
from gitorch.core.names import TASK_STATES
from gitorch.ending import code_of
from gitorch.errors import Exit, GitorchError

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def run(args: Sequence[str]) -> int:
    """Run a command line; gives the exit code."""
    return code_of(lambda: _run(args))


def _run(args: Sequence[str]) -> int:
    prog = "git orch" if Path(sys.argv[0]).name == "git-orch" else "gitorch"
    try:
        result = cli.main(args=list(args), prog_name=prog, standalone_mode=False)
    except click.UsageError as error:
        hint = f"{error.ctx.command_path} -h" if error.ctx is not None else f"{prog} -h"
        raise GitorchError(error.format_message(), hint=f"see {hint}", code=Exit.USAGE) from None
    except click.ClickException as error:
        raise GitorchError(error.format_message()) from None
    except click.Abort:
        raise KeyboardInterrupt from None
    return int(result) if isinstance(result, int) else Exit.OK


def _call(module: str, /, **values: Any) -> int:
    """Run the command in the module of that name."""
    result: int = import_module(f"gitorch.commands.{module}").run(**values)
    return result


def _complete_tasks(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from gitorch.git.repository import open_repository  # noqa: PLC0415 - on this path only
    from gitorch.ledger.state import read_state  # noqa: PLC0415 - on this path only

    folder = (ctx.find_root().params or {}).get("folder") or "."
    try:
        names = read_state(open_repository(folder).objects).states
    except GitorchError:
        return []
    return [name for name in sorted(names) if name.startswith(incomplete)]


def _complete_states(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    return [state for state in TASK_STATES if state.startswith(incomplete)]


def _complete_templates(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from gitorch.loop.catalog import shipped  # noqa: PLC0415 - on this path only

    return [name for name in sorted(shipped()) if name.startswith(incomplete)]


def _complete_agents(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from gitorch.loop.roster import sources  # noqa: PLC0415 - on this path only

    return [name for name in sorted(sources(None)) if name.startswith(incomplete)]


_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
_template = click.option("--template", metavar="T", shell_complete=_complete_templates, help="The template to use.")
_parameters = click.option(
    "--param", "parameters", metavar="KEY=VALUE", multiple=True, help="A value for a parameter of the template."
)


def _task(name: str = "name", *, required: bool = True) -> _Decorator:
    return click.argument(name, metavar="NAME", required=required, shell_complete=_complete_tasks)


_agent_command = click.option(
    "--agent-command", metavar="CMD", help="A shell command as agent; it gets the prompt on stdin."
)


def _step_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(
        (
            click.option(
                "--agent",
                metavar="NAME",
                shell_complete=_complete_agents,
                help="The agent that does the work (default: git config gitorch.agent).",
            ),
            click.option("--model", metavar="M", help="The model to ask the agent for."),
            click.option("--max-steps", type=click.IntRange(0), metavar="N", help="Stop after N steps since start."),
            click.option("--max-cost", metavar="USD", help="Stop once this much is spent since start."),
            click.option(
                "--max-time", metavar="TIME", help="Stop once agents have run so long since start (90s, 15m, 2h)."
            ),
            click.option(
                "--max-attempts", type=click.IntRange(1), default=3, metavar="N", help="Tries of one task (3)."
            ),
            click.option(
                "--max-idle",
                type=click.IntRange(1),
                default=5,
                metavar="N",
                help="Stop after N steps without change (5).",
            ),
        )
    ):
        function = option(function)
    return function


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("-C", "folder", metavar="DIR", default=".", help="Work as if started in DIR.")
@click.version_option(__version__, message="gitorch %(version)s")
@click.pass_context
def cli(ctx: click.Context, folder: str) -> None:
    r"""Drive coding agents through a workflow whose whole state and history is in git.

    \b
    gitorch start NAME -d 'what is wanted'     begin a workflow
    while gitorch step; do :; done             one invocation after another
    git log                                    what happened
    """
    ctx.obj = folder


@cli.command()
@click.option("--claude", is_flag=True, help="Add and commit the skills for Claude Code.")
@click.pass_obj
def init(folder: str, /, **values: Any) -> int:
    """Make a repository ready: git init where there is none, .tasks, the hooks."""
    return _call("init", folder=folder, **values)


@cli.command()
@click.argument("name")
@click.option("-d", "--description", metavar="TEXT", help="What is wanted.")
@_template
@_parameters
@click.option("--focus", metavar="F", help="One sentence of at most 15 words.")
@click.pass_obj
def start(folder: str, /, **values: Any) -> int:
    """Begin a workflow: its main task and MAIN_TASK in one commit."""
    return _call("start", folder=folder, **values)


@cli.command()
@_agent_command
@_step_options
@_json
@click.pass_obj
def step(folder: str, /, **values: Any) -> int:
    """Do one invocation: read the state, do one thing, set up the next.

    Exit 0: a step was done and there is more; 10: the workflow is completed; 20: blocked; 30: a limit is reached;
    75: try again later.
    """
    return _call("step", folder=folder, **values)


@cli.command("run")
@_agent_command
@_step_options
@click.option("--no-wait", is_flag=True, help="End with exit 75 instead of waiting for a rate limit to pass.")
@click.pass_obj
def run_(folder: str, /, **values: Any) -> int:
    """Do steps until the workflow is completed, blocked, or a limit is reached.

    ^C lets the step that runs end first; a second ^C stops its agent.
    """
    return _call("run", folder=folder, **values)


@cli.command()
@_step_options
@click.option("--lease", metavar="TIME", default="1h", help="How long it may be out (1h); then it counts as cut off.")
@_json
@click.pass_obj
def begin(folder: str, /, **values: Any) -> int:
    """Begin the next invocation and hand it out to a loop of your own; finish takes it back.

    Exit codes are those of step.
    """
    return _call("begin", folder=folder, **values)


@cli.command()
@click.option("--exit", "code", type=click.IntRange(0, 255), metavar="CODE", help="How the agent's program ended.")
@click.option(
    "--output", "printed", type=click.File("rb"), metavar="FILE", help="What it printed; - is standard input."
)
@click.option("--result", metavar="FILE", help="What came of it, as JSON, in place of its result file.")
@click.option("--max-attempts", type=click.IntRange(1), default=3, metavar="N", help="Tries of one task (3).")
@_json
@click.pass_obj
def finish(folder: str, /, **values: Any) -> int:
    """End the invocation that begin has handed out: its work is checked and recorded.

    Exit codes are those of step.
    """
    return _call("finish", folder=folder, **values)


@cli.command()
@_json
@click.pass_obj
def status(folder: str, /, **values: Any) -> int:
    """Show what happens next, how many tasks there are in each state, and what runs now."""
    return _call("status", folder=folder, **values)


@cli.command()
@click.argument("status")
@click.argument("next_", metavar="NEXT")
@click.option("--task", metavar="T", shell_complete=_complete_tasks, help="The current task.")
@click.option("--focus", metavar="F", help="One sentence of at most 15 words.")
@click.pass_obj
def update(folder: str, /, **values: Any) -> int:
    """Replace MAIN_TASK: STATUS is continue, completed or blocked, NEXT one sentence of at most 15 words."""
    return _call("update", folder=folder, **values)


@cli.command()
@click.argument("name")
@click.option("-d", "--description", metavar="TEXT", help="What is wanted.")
@click.option("--parent", metavar="P", shell_complete=_complete_tasks, help="The task it is part of.")
@click.option(
    "--needs", metavar="N", multiple=True, shell_complete=_complete_tasks, help="A task to be completed first."
)
@click.pass_obj
def create(folder: str, /, **values: Any) -> int:
    """Create a task."""
    return _call("create", folder=folder, **values)


@cli.command()
@_task()
@click.argument("state", shell_complete=_complete_states)
@click.option("--reason", metavar="TEXT", help="Why.")
@click.pass_obj
def move(folder: str, /, **values: Any) -> int:
    """Change a task's state; its folder and file are committed along."""
    return _call("move", folder=folder, **values)


@cli.command("list")
@click.option("--by-state", is_flag=True, help="Group by state.")
@_json
@click.pass_obj
def list_(folder: str, /, **values: Any) -> int:
    """List the tasks."""
    return _call("list_tasks", folder=folder, **values)


@cli.command()
@click.argument("name", metavar="NAME|INVOCATION", shell_complete=_complete_tasks)
@click.option("--full", is_flag=True, help="Show all of an invocation's difference, however long.")
@_json
@click.pass_obj
def show(folder: str, /, **values: Any) -> int:
    """Show one task: its file, what it needs, its subtasks, what happened to it. Or one invocation, difference too.

    An invocation is named by 6 or more digits of its id, or by a commit that belongs to it.
    """
    return _call("show", folder=folder, **values)


@cli.command()
@_task()
@click.pass_obj
def drop(folder: str, /, **values: Any) -> int:
    """Take a task away; its folder stays."""
    return _call("drop", folder=folder, **values)


@cli.command()
@_task()
@click.option("--auto", is_flag=True, help="Choose the template by the task's name.")
@_template
@_parameters
@click.pass_obj
def decompose(folder: str, /, **values: Any) -> int:
    """Cut a task into subtasks by a template, in one commit; MAIN_TASK is left alone."""
    return _call("decompose", folder=folder, **values)


@cli.command()
@_task()
@click.option(
    "--budget", type=click.IntRange(200), default=8000, metavar="TOKENS", help="How much there may be (8000)."
)
@_json
@click.pass_obj
def context(folder: str, /, **values: Any) -> int:
    """Print what a fresh agent needs to know for a task, within a budget."""
    return _call("context", folder=folder, **values)


@cli.command()
@click.option("--agent", metavar="NAME", shell_complete=_complete_agents, help="The agent that would get it.")
@click.pass_obj
def prompt(folder: str, /, **values: Any) -> int:
    """Print the exact prompt that the next invocation gets."""
    return _call("prompt", folder=folder, **values)


@cli.command()
@click.argument("text")
@click.pass_obj
def answer(folder: str, /, text: str) -> int:
    """Answer what a blocked workflow asks, and let it go on."""
    return _call("answer", folder=folder, text=text)


@cli.command()
@click.argument("revs", metavar="[REV]...", nargs=-1)
@click.option("--task", metavar="NAME", shell_complete=_complete_tasks, help="Only what is about this task.")
@click.option("--action", metavar="A", help="Only invocations that did this: execute, …")
@click.option("--outcome", metavar="O", help="Only invocations that came to this: failed, …")
@click.option("--since", metavar="WHEN", help="Only what is newer than a date or a commit.")
@click.option("-n", "--max-count", type=click.IntRange(1), metavar="N", help="At most N records.")
@_json
@click.pass_obj
def log(folder: str, /, **values: Any) -> int:
    """List the records, newest first; with --json one object per line.

    Lines beside them hold each invocation together; one that a filter fits is listed whole.
    """
    return _call("log", folder=folder, **values)


@cli.command()
@click.argument("file")
@click.argument("rev", required=False)
@click.option("-L", "ranges", metavar="START,END", multiple=True, help="Only these lines, as git blame -L takes them.")
@click.option("--porcelain", is_flag=True, help="Print git's porcelain form with header lines gitorch-….")
@_json
@click.pass_obj
def blame(folder: str, /, **values: Any) -> int:
    """Tell of each line of a file its task, invocation, agent and model; without REV, of the work tree's file."""
    return _call("blame", folder=folder, **values)


@cli.command()
@click.argument("rev", default="HEAD")
@_json
@click.pass_obj
def audit(folder: str, /, **values: Any) -> int:
    """Tell the invocations in order: what each did, made and cost; and the sums by task, agent and action."""
    return _call("audit", folder=folder, **values)


@cli.command()
@click.argument("rev", default="HEAD")
@click.option(
    "-o", "target", metavar="FILE", default="gitorch-report.html", help="Where to (gitorch-report.html); - prints it."
)
@click.option("--link-base", metavar="URL", help="The repository's web address, to link commits (default: origin's).")
@click.pass_obj
def report(folder: str, /, **values: Any) -> int:
    """Write one HTML page about the history: tasks, invocations, cost, states at any point. It needs no network."""
    return _call("report", folder=folder, **values)


@cli.command()
@click.argument("form", metavar="FORMAT", type=click.Choice(["json", "mermaid", "dot", "otlp"]))
@click.argument("rev", default="HEAD")
@click.option("-o", "target", metavar="FILE", help="Where to (default: standard output).")
@click.pass_obj
def export(folder: str, /, **values: Any) -> int:
    """Write the history for other programs: json (the audit and the tasks), mermaid or dot (the tasks), otlp (traces).

    mermaid is a flowchart, dot a graph for Graphviz, otlp OpenTelemetry's JSON with a trace for each workflow.
    """
    return _call("export", folder=folder, **values)


@cli.command()
@click.argument("rev", default="HEAD")
@click.option("--since", metavar="REV", help="Judge the commits after REV only; what was before is taken as told.")
@click.option("--signatures", is_flag=True, help="Ask that every record is signed, and the signature good.")
@_json
@click.pass_obj
def verify(folder: str, /, **values: Any) -> int:
    """Compare every record of the history with the tree it stands on; exit 1 names the first bad commit."""
    return _call("verify", folder=folder, **values)


@cli.command()
@click.argument("invocation")
@click.option("--work", is_flag=True, help="Restore the files that invocations have changed since, too.")
@click.pass_obj
def rewind(folder: str, /, **values: Any) -> int:
    """Go back to the state after INVOCATION (an id, or a commit) by a new commit; nothing is lost."""
    return _call("rewind", folder=folder, **values)


@cli.command()
@click.argument("invocation")
@click.option("-b", "--branch", required=True, metavar="BRANCH", help="The new branch.")
@click.option("-w", "--worktree", metavar="DIR", help="Make a linked worktree for it in DIR.")
@click.option("--agent", metavar="NAME", shell_complete=_complete_agents, help="The agent that shall work there.")
@click.pass_obj
def fork(folder: str, /, **values: Any) -> int:
    """Go on from the state after INVOCATION (an id, or a commit) on a branch of its own."""
    return _call("fork", folder=folder, **values)


@cli.command()
@click.argument("branches", metavar="[BRANCH]", nargs=-1)
@click.option("--resolve", is_flag=True, help="Record the merge that git merge has left in conflict.")
@click.pass_obj
def merge(folder: str, /, **values: Any) -> int:
    """Join BRANCH, which went on with the same workflow: its files by git, the tasks' states by both histories."""
    return _call("merge", folder=folder, **values)


@cli.group()
def templates() -> None:
    """The decomposition templates: list, show, check."""


@templates.command("list")
@_json
@click.pass_obj
def templates_list(folder: str, /, **values: Any) -> int:
    """List the templates there are."""
    return _call("templates", what="list", folder=folder, **values)


@templates.command("show")
@click.argument("name", shell_complete=_complete_templates)
@_json
@click.pass_obj
def templates_show(folder: str, /, **values: Any) -> int:
    """Show a template: its parameters and subtasks."""
    return _call("templates", what="show", folder=folder, **values)


@templates.command("check")
@click.argument("name", metavar="FILE")
@_json
@click.pass_obj
def templates_check(folder: str, /, **values: Any) -> int:
    """Check a template file; a fault is told with file, line and key."""
    return _call("templates", what="check", folder=folder, **values)


@cli.group()
def agents() -> None:
    """The coding agents that can do the work: list, show, check."""


@agents.command("list")
@_json
@click.pass_obj
def agents_list(folder: str, /, **values: Any) -> int:
    """List the agents there are, and which of their programs are installed."""
    return _call("agents", what="list", folder=folder, **values)


@agents.command("show")
@click.argument("name", shell_complete=_complete_agents)
@click.pass_obj
def agents_show(folder: str, /, **values: Any) -> int:
    """Print an agent's file; a changed copy under ~/.config/gitorch/agents takes its place."""
    return _call("agents", what="show", folder=folder, **values)


@agents.command("check")
@click.argument("name", shell_complete=_complete_agents)
@click.option("--model", metavar="M", help="The model to ask for.")
@_json
@click.pass_obj
def agents_check(folder: str, /, **values: Any) -> int:
    """Try an agent out with a task of one word, in a repository of its own; a paid model costs a little."""
    return _call("agents", what="check", folder=folder, **values)


@cli.command()
@_task(required=False)
@click.option("--agent", metavar="NAME", help="Allow an agent file of the repository's instead.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def trust(folder: str, /, **values: Any) -> int:
    """Allow the command lines (run, check) of a task, or of all open tasks, to run."""
    return _call("trust", folder=folder, **values)


@cli.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def adopt(folder: str, /, **values: Any) -> int:
    """Record states that came about without a record: by commits past the hooks, a rebase or edits by hand."""
    return _call("adopt", folder=folder, **values)


@cli.command()
@click.option("--into", metavar="DIR", help="Where to make the copy (default: a new temporary folder).")
@click.pass_obj
def demo(folder: str, /, **values: Any) -> int:
    """Run a research workflow on a copy of this repository, without any model; the repository is left untouched."""
    return _call("demo", folder=folder, **values)


@cli.command()
@_json
@click.pass_obj
def doctor(folder: str, /, **values: Any) -> int:
    """Look for what could be wrong with the surroundings, the repository and the workflow, and say what to do."""
    return _call("doctor", folder=folder, **values)


@cli.command(hidden=True, context_settings={"ignore_unknown_options": True})
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def hook(folder: str, /, args: tuple[str, ...]) -> int:
    """Do what a hook has to do: its name, and what git gives it."""
    return _call("hook", folder=folder, args=args)


@cli.group()
def hooks() -> None:
    """The hooks for git: install, uninstall, status."""


_server = click.option("--server", is_flag=True, help="The hook of a repository that is pushed to: pre-receive.")


@hooks.command("install")
@_server
@click.pass_obj
def hooks_install(folder: str, /, **values: Any) -> int:
    """Install the hooks, which check commits and pushes; a hook that is there stays, and runs first."""
    return _call("hooks", what="install", folder=folder, **values)


@hooks.command("uninstall")
@_server
@click.pass_obj
def hooks_uninstall(folder: str, /, **values: Any) -> int:
    """Take the hooks out, and put back those that were there before."""
    return _call("hooks", what="uninstall", folder=folder, **values)


@hooks.command("status")
@_server
@_json
@click.pass_obj
def hooks_status(folder: str, /, **values: Any) -> int:
    """Tell for each hook whether it is installed, and where git looks for it."""
    return _call("hooks", what="status", folder=folder, **values)
