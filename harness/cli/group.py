"""The `pithos` command with its verbs."""

from __future__ import annotations

import click

from harness.cli import build, compile, console, run
from harness.cli.unavailable import VERBS
from harness.errors import HarnessError


class Verbs(click.Group):
    """Knows docker's verbs, too, and what to do instead of them."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands and args[0] in VERBS:
            raise HarnessError(f"{args[0]}: {VERBS[args[0]]}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=Verbs,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="pithos")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Pithos: run Linux programs in containers of a kernel written in Python."""
    if ctx.invoked_subcommand is None:  # click itself calls that an error from 8.2 on, whose text is the help
        click.echo(ctx.get_help())


cli.add_command(run.run)
cli.add_command(console.console)
cli.add_command(build.build)
cli.add_command(compile.compile_program)
