"""The command line: commands and options. What they do is in `gitorch.commands`, imported when it is needed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from gitorch import __version__, output
from gitorch.core.names import TASK_STATES
from gitorch.ending import code_of
from gitorch.errors import Exit, GitorchError
from gitorch.help import HelpGroup, MainGroup, complete, everyday, help_width, number, problem_of

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def run(args: Sequence[str]) -> int:
    """Run a command line; return the exit code."""
    return code_of(lambda: _run(args), args)


def _run(args: Sequence[str]) -> int:
    prog = "git orch" if Path(sys.argv[0]).name == "git-orch" else "gitorch"
    try:
        result = cli.main(args=list(args), prog_name=prog, standalone_mode=False, terminal_width=help_width())
    except click.UsageError as error:
        hint = f"{error.ctx.command_path} -h" if error.ctx is not None else f"{prog} -h"
        raise GitorchError(problem_of(error), hint=f"see {hint}", code=Exit.USAGE) from None
    except click.ClickException as error:
        raise GitorchError(error.format_message()) from None
    except SystemExit as left:  # click's end of a completion, with 0, and its answer to a closed pipe
        if not left.code:
            return Exit.OK
        if {"-h", "--help", "--version"}.isdisjoint(args):
            return Exit.ERROR
        output.drop(sys.stdout)  # click prints these itself
    except click.Abort:
        raise KeyboardInterrupt from None
    else:
        return int(result) if isinstance(result, int) else Exit.OK
    return Exit.OK


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
    "--param", "parameters", metavar="KEY=VALUE", multiple=True, help="A parameter of the template; repeatable."
)


def _task(name: str = "name", *, required: bool = True) -> _Decorator:
    metavar = "NAME" if required else "[NAME]"
    return click.argument(name, metavar=metavar, required=required, shell_complete=_complete_tasks)


_agent_command = click.option(
    "--agent-command", metavar="CMD", help="A shell command as the agent; it reads the prompt from standard input."
)


def _step_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(
        (
            click.option(
                "--agent",
                metavar="NAME",
                shell_complete=_complete_agents,
                help="The agent to use (default: git config gitorch.agent).",
            ),
            click.option("--model", metavar="M", help="The model to request from the agent."),
            click.option("--max-steps", type=number(0), metavar="N", help="Stop when N steps have run since start."),
            click.option("--max-cost", metavar="USD", help="Stop when this much was spent since start."),
            click.option(
                "--max-time", metavar="TIME", help="Stop when agents have run this long since start (90s, 15m, 2h)."
            ),
            click.option(
                "--max-attempts", type=number(1), default=3, metavar="N", help="Attempts per task (default 3)."
            ),
            click.option(
                "--max-idle",
                type=number(1),
                default=5,
                metavar="N",
                help="Stop after N steps in a row without a change (default 5).",
            ),
            click.option("--stop-on-failure", is_flag=True, help="Block the workflow as soon as a task has failed."),
        )
    ):
        function = option(function)
    return function


@click.group(
    cls=MainGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("-C", "folder", metavar="DIR", default=".", help="Run as if started in DIR.")
@click.version_option(__version__, message="gitorch %(version)s")
@click.pass_context
def cli(ctx: click.Context, folder: str) -> None:
    """Run coding agents through a workflow that is stored entirely in git."""
    ctx.obj = folder
    if ctx.invoked_subcommand is None:
        output.say(everyday(cli, ctx))


@cli.command("help")
@click.argument("words", metavar="[COMMAND]", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="List all commands.")
@click.pass_context
def help_(ctx: click.Context, words: tuple[str, ...], *, everything: bool) -> None:
    """Show this help, all commands, or the help of one command."""
    parent = ctx.find_root()
    if everything:
        output.say(complete(cli, parent))
        return
    command: click.Command = cli
    at = parent
    for word in words:
        if not isinstance(command, click.Group):
            raise click.UsageError(f"'{at.command_path}' has no command '{word}'", ctx)
        _, found, _ = command.resolve_command(at, [word])
        command = found or command
        at = click.Context(command, info_name=word, parent=at)
    output.say(command.get_help(at))


def _show_help(ctx: click.Context) -> None:
    """Show the help of a group that is called without one of its commands."""
    if ctx.invoked_subcommand is None:
        output.say(ctx.get_help())


@cli.command()
@click.option("--claude", is_flag=True, help="Add and commit the skills for Claude Code.")
@click.pass_obj
def init(folder: str, /, **values: Any) -> int:
    """Prepare a repository for gitorch: .tasks and the git hooks.

    Runs git init where there is no repository yet.
    """
    return _call("init", folder=folder, **values)


@cli.command()
@click.argument("name")
@click.option("-d", "--description", metavar="TEXT", help="The description; @FILE or - (standard input) reads it.")
@_template
@_parameters
@click.option("--focus", metavar="F", help="A focus: one sentence of at most 15 words.")
@click.pass_obj
def start(folder: str, /, **values: Any) -> int:
    """Start a workflow from a description.

    Writes its main task and MAIN_TASK in one commit; the template decides how it is divided into subtasks.
    """
    return _call("start", folder=folder, **values)


@cli.command()
@_agent_command
@_step_options
@_json
@click.pass_obj
def step(folder: str, /, **values: Any) -> int:
    """Run one invocation.

    It reads the state, does one thing, and sets up the next.

    Exit codes: 0, a step was done and there is more; 10, the workflow is completed; 20, it is blocked; 30, a limit is
    reached; 75, try again later.
    """
    return _call("step", folder=folder, **values)


@cli.command("run")
@_agent_command
@_step_options
@click.option("--no-wait", is_flag=True, help="End with exit 75 instead of waiting for a rate limit to pass.")
@click.pass_obj
def run_(folder: str, /, **values: Any) -> int:
    """Run steps until the workflow is done or blocked.

    It also ends at a limit. ^C lets the current step end first; a second ^C stops its agent.
    """
    return _call("run", folder=folder, **values)


@cli.command()
@_step_options
@click.option(
    "--lease",
    metavar="TIME",
    default="1h",
    help="How long the loop may take (default 1h); then the invocation is closed.",
)
@_json
@click.pass_obj
def begin(folder: str, /, **values: Any) -> int:
    """Begin an invocation and hand it out to a loop of your own.

    gitorch finish ends it. The exit codes are those of step.
    """
    return _call("begin", folder=folder, **values)


@cli.command()
@click.option("--exit", "code", type=number(0, 255), metavar="CODE", help="The exit code of the agent's program.")
@click.option(
    "--output", "printed", type=click.File("rb"), metavar="FILE", help="What it printed; - reads standard input."
)
@click.option("--result", metavar="FILE", help="A JSON file to use instead of its result file.")
@click.option("--max-attempts", type=number(1), default=3, metavar="N", help="Attempts per task (default 3).")
@_json
@click.pass_obj
def finish(folder: str, /, **values: Any) -> int:
    """End the invocation that begin has handed out.

    Its work is checked and recorded. The exit codes are those of step.
    """
    return _call("finish", folder=folder, **values)


@cli.command()
@_json
@click.pass_obj
def status(folder: str, /, **values: Any) -> int:
    """Show what happens next, what runs now, and the cost so far."""
    return _call("status", folder=folder, **values)


@cli.command()
@click.argument("status")
@click.argument("next_", metavar="NEXT")
@click.option("--task", metavar="T", shell_complete=_complete_tasks, help="The current task.")
@click.option("--focus", metavar="F", help="A focus: one sentence of at most 15 words.")
@click.pass_obj
def update(folder: str, /, **values: Any) -> int:
    """Set MAIN_TASK: what the workflow does next.

    STATUS is continue, completed or blocked; NEXT is one sentence of at most 15 words.
    """
    return _call("update", folder=folder, **values)


@cli.command()
@click.argument("name")
@click.option("-d", "--description", metavar="TEXT", help="The description; @FILE or - (standard input) reads it.")
@click.option("--parent", metavar="P", shell_complete=_complete_tasks, help="The parent task.")
@click.option(
    "--needs",
    metavar="N[,N]",
    multiple=True,
    shell_complete=_complete_tasks,
    help="Tasks that have to be completed first; repeatable.",
)
@click.option("--check", metavar="CMD", multiple=True, help="A command that has to pass; repeatable.")
@click.option(
    "--output",
    "outputs",
    metavar="PATH",
    multiple=True,
    help="A file that it has to leave in its directory; repeatable.",
)
@click.option("--kind", metavar="K", help="gather, execute (default) or synthesize.")
@click.option("--agent", metavar="NAME", shell_complete=_complete_agents, help="The agent that works on it.")
@click.option("--model", metavar="M", help="The model to request from that agent.")
@click.option("--order", type=int, metavar="N", help="Its place among ready tasks (default: last).")
@click.option("--touches", metavar="GLOB", multiple=True, help="Paths that it changes; repeatable.")
@click.option("--focus", metavar="F", help="A focus: one sentence of at most 15 words.")
@click.pass_obj
def create(folder: str, /, **values: Any) -> int:
    """Create a task."""
    return _call("create", folder=folder, **values)


@cli.command()
@_task()
@click.argument("state", shell_complete=_complete_states)
@click.option("--reason", metavar="TEXT", help="The reason.")
@click.pass_obj
def move(folder: str, /, **values: Any) -> int:
    """Change the state of a task.

    The task's file and directory are committed with it.
    """
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
@click.option("--transcript", is_flag=True, help="Show what the agent of an invocation said and did.")
@_json
@click.pass_obj
def show(folder: str, /, **values: Any) -> int:
    """Show a task, or an invocation with its diff.

    A task: its file, needs, subtasks and history. An invocation is named by 6 or more digits of its id, or by one of
    its commits.
    """
    return _call("show", folder=folder, **values)


@cli.command()
@_task()
@click.pass_obj
def retry(folder: str, /, **values: Any) -> int:
    """Run a failed, blocked or completed task again.

    It becomes pending, and MAIN_TASK continues.
    """
    return _call("retry", folder=folder, **values)


@cli.command()
@_task()
@click.option("--reason", metavar="TEXT", help="The reason.")
@click.pass_obj
def skip(folder: str, /, **values: Any) -> int:
    """Complete a task without its work being done.

    The record says who skipped it and why; tasks that need it can run.
    """
    return _call("skip", folder=folder, **values)


@cli.command()
@_task()
@click.pass_obj
def edit(folder: str, /, **values: Any) -> int:
    """Edit the file of a task, and commit it once it is valid."""
    return _call("edit", folder=folder, **values)


@cli.command()
@click.option("--reason", metavar="TEXT", help="The reason.")
@click.pass_obj
def abandon(folder: str, /, **values: Any) -> int:
    """End the workflow, and put its open tasks away for good.

    Their files and directories leave the work tree; the history keeps them under refs/gitorch/runs/.
    """
    return _call("put_away", what="abandon", folder=folder, **values)


@cli.command()
@click.option("--keep", metavar="PATH", multiple=True, help="A file or directory that stays; repeatable.")
@click.pass_obj
def archive(folder: str, /, **values: Any) -> int:
    """Put a finished workflow away: tasks, directories, MAIN_TASK.

    They leave the work tree in one commit; the history keeps them under refs/gitorch/runs/.
    """
    return _call("put_away", what="archive", folder=folder, **values)


@cli.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=_complete_tasks)
@click.option("-r", "--recursive", is_flag=True, help="Also remove their subtasks.")
@click.pass_obj
def drop(folder: str, /, **values: Any) -> int:
    """Remove tasks; their directories stay."""
    return _call("drop", folder=folder, **values)


@cli.command()
@_task()
@click.option("--auto", is_flag=True, help="Choose the template by the task's name.")
@_template
@_parameters
@click.pass_obj
def decompose(folder: str, /, **values: Any) -> int:
    """Divide a task into subtasks by a template.

    It is one commit; MAIN_TASK is not changed.
    """
    return _call("decompose", folder=folder, **values)


@cli.command()
@_task()
@click.option("--budget", type=number(200), default=8000, metavar="TOKENS", help="The largest size (default 8000).")
@_json
@click.pass_obj
def context(folder: str, /, **values: Any) -> int:
    """Print what a fresh agent needs to know about a task.

    The text stays within a budget of tokens.
    """
    return _call("context", folder=folder, **values)


@cli.command()
@click.option("--agent", metavar="NAME", shell_complete=_complete_agents, help="The agent that would get the prompt.")
@click.pass_obj
def prompt(folder: str, /, **values: Any) -> int:
    """Print the exact prompt of the next invocation."""
    return _call("prompt", folder=folder, **values)


@cli.command()
@click.argument("text", metavar="[TEXT]", required=False)
@click.pass_obj
def answer(folder: str, /, text: str | None) -> int:
    """Answer the question that blocks the workflow.

    The workflow continues then. Without TEXT the question is shown, and on a terminal you are asked for the answer.
    """
    return _call("answer", folder=folder, text=text)


@cli.command()
@click.argument("revs", metavar="[REV]...", nargs=-1)
@click.option("--task", metavar="NAME", shell_complete=_complete_tasks, help="Only records of this task.")
@click.option("--action", metavar="A", help="Only invocations with this action: execute, …")
@click.option("--outcome", metavar="O", help="Only invocations with this outcome: failed, …")
@click.option("--since", metavar="WHEN", help="Only records after a date or a commit.")
@click.option("-n", "--max-count", type=number(1), metavar="N", help="At most N records.")
@_json
@click.pass_obj
def log(folder: str, /, **values: Any) -> int:
    """List the records, newest first.

    Lines at the left margin join the records of one invocation; one that a filter matches is listed whole. With --json
    each line is one object.
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
    """Show which invocation and agent wrote each line of a file.

    Without REV it is the file in the work tree.
    """
    return _call("blame", folder=folder, **values)


@cli.command()
@click.argument("rev", default="HEAD")
@_json
@click.pass_obj
def audit(folder: str, /, **values: Any) -> int:
    """List the invocations in order, with totals by task and agent.

    Each with what it did, changed and cost.
    """
    return _call("audit", folder=folder, **values)


@cli.command()
@click.argument("rev", default="HEAD")
@click.option(
    "-o",
    "target",
    metavar="FILE",
    default="gitorch-report.html",
    help="The file (default gitorch-report.html); - prints it.",
)
@click.option(
    "--link-base",
    metavar="URL",
    help="The web address of the repository, for links to commits (default: that of origin).",
)
@click.pass_obj
def report(folder: str, /, **values: Any) -> int:
    """Write the history as one HTML page.

    It shows tasks, invocations, cost, and the state at any point, and needs no network.
    """
    return _call("report", folder=folder, **values)


@cli.command()
@click.argument("form", metavar="FORMAT", type=click.Choice(["json", "mermaid", "dot", "otlp"]))
@click.argument("rev", default="HEAD")
@click.option("-o", "target", metavar="FILE", help="The file (default: standard output).")
@click.pass_obj
def export(folder: str, /, **values: Any) -> int:
    """Write the history in the format of another program.

    json is the audit and the tasks; mermaid a flowchart and dot a Graphviz graph of the tasks; otlp OpenTelemetry's
    JSON, with a trace for each workflow.
    """
    return _call("export", folder=folder, **values)


@cli.command()
@click.argument("rev", default="HEAD")
@click.option("--since", metavar="REV", help="Check only the commits after REV.")
@click.option("--signatures", is_flag=True, help="Require a good signature on every record.")
@_json
@click.pass_obj
def verify(folder: str, /, **values: Any) -> int:
    """Check every record of the history against its tree.

    Exit code 1 names the first commit with a problem.
    """
    return _call("verify", folder=folder, **values)


@cli.command()
@click.argument("invocation")
@click.option("--work", is_flag=True, help="Also restore the files that invocations have changed since.")
@click.pass_obj
def rewind(folder: str, /, **values: Any) -> int:
    """Return to the state after an invocation, by a new commit.

    INVOCATION is an id or a commit. Nothing is lost.
    """
    return _call("rewind", folder=folder, **values)


@cli.command()
@click.argument("invocation")
@click.option("-b", "--branch", required=True, metavar="BRANCH", help="The new branch.")
@click.option("-w", "--worktree", metavar="DIR", help="Create a linked worktree for it in DIR.")
@click.option("--agent", metavar="NAME", shell_complete=_complete_agents, help="The agent that works there.")
@click.pass_obj
def fork(folder: str, /, **values: Any) -> int:
    """Continue from the state after an invocation on a new branch.

    INVOCATION is an id or a commit.
    """
    return _call("fork", folder=folder, **values)


@cli.command()
@click.argument("branches", metavar="[BRANCH]", nargs=-1)
@click.option("--resolve", is_flag=True, help="Record the merge that git merge has left in conflict.")
@click.pass_obj
def merge(folder: str, /, **values: Any) -> int:
    """Merge a branch that continued the same workflow.

    Files are merged as git does, task states by both histories.
    """
    return _call("merge", folder=folder, **values)


@cli.group(cls=HelpGroup, invoke_without_command=True)
@click.pass_context
def templates(ctx: click.Context) -> None:
    """List, show and check the templates that divide tasks."""
    _show_help(ctx)


@templates.command("list")
@_json
@click.pass_obj
def templates_list(folder: str, /, **values: Any) -> int:
    """List the templates."""
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
    """Check a template file.

    Errors name the file, line and key.
    """
    return _call("templates", what="check", folder=folder, **values)


@cli.group(cls=HelpGroup, invoke_without_command=True)
@click.pass_context
def agents(ctx: click.Context) -> None:
    """List, show and check the coding agents."""
    _show_help(ctx)


@agents.command("list")
@_json
@click.pass_obj
def agents_list(folder: str, /, **values: Any) -> int:
    """List the agents, and which programs are installed."""
    return _call("agents", what="list", folder=folder, **values)


@agents.command("show")
@click.argument("name", shell_complete=_complete_agents)
@click.pass_obj
def agents_show(folder: str, /, **values: Any) -> int:
    """Print the file of an agent.

    A changed copy in ~/.config/gitorch/agents replaces it.
    """
    return _call("agents", what="show", folder=folder, **values)


@agents.command("check")
@click.argument("name", shell_complete=_complete_agents)
@click.option("--model", metavar="M", help="The model to ask for.")
@_json
@click.pass_obj
def agents_check(folder: str, /, **values: Any) -> int:
    """Try an agent with a tiny task in a temporary repository.

    A paid model costs a little.
    """
    return _call("agents", what="check", folder=folder, **values)


@cli.command()
@_task(required=False)
@click.option("--agent", metavar="NAME", help="Allow an agent file of the repository instead.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def trust(folder: str, /, **values: Any) -> int:
    """Allow the commands of tasks to run.

    NAME is one task; without it, all open tasks.
    """
    return _call("trust", folder=folder, **values)


@cli.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def adopt(folder: str, /, **values: Any) -> int:
    """Record state changes that were made without a record.

    They come from commits without the hooks, a rebase, or edits by hand.
    """
    return _call("adopt", folder=folder, **values)


@cli.command()
@click.option("--into", metavar="DIR", help="The directory of the copy (default: a temporary one).")
@click.pass_obj
def demo(folder: str, /, **values: Any) -> int:
    """Run a research workflow on a copy of this repository.

    It uses the built-in agent, which needs no model, and does not change the repository.
    """
    return _call("demo", folder=folder, **values)


@cli.command()
@_json
@click.pass_obj
def doctor(folder: str, /, **values: Any) -> int:
    """Check the environment, the repository and the workflow.

    Each problem comes with what to do.
    """
    return _call("doctor", folder=folder, **values)


@cli.command(hidden=True, context_settings={"ignore_unknown_options": True})
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def hook(folder: str, /, args: tuple[str, ...]) -> int:
    """Do what a hook has to do: its name, and what git gives it."""
    return _call("hook", folder=folder, args=args)


@cli.group(cls=HelpGroup, invoke_without_command=True)
@click.pass_context
def hooks(ctx: click.Context) -> None:
    """Install, remove and check the git hooks."""
    _show_help(ctx)


_server = click.option("--server", is_flag=True, help="The pre-receive hook of a repository that is pushed to.")


@hooks.command("install")
@_server
@click.pass_obj
def hooks_install(folder: str, /, **values: Any) -> int:
    """Install the hooks that check commits and pushes.

    An existing hook is kept, and runs first.
    """
    return _call("hooks", what="install", folder=folder, **values)


@hooks.command("uninstall")
@_server
@click.pass_obj
def hooks_uninstall(folder: str, /, **values: Any) -> int:
    """Remove the hooks, and restore the previous ones."""
    return _call("hooks", what="uninstall", folder=folder, **values)


@hooks.command("status")
@_server
@_json
@click.pass_obj
def hooks_status(folder: str, /, **values: Any) -> int:
    """Show which hooks are installed, and where."""
    return _call("hooks", what="status", folder=folder, **values)
