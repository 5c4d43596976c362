"""`python -m bench [GROUP...]` measures, and prints a table; groups: builds, codegen, starts, boots, guest.

`python -m bench profile [FIGURE...]` tells in which functions the instructions of a figure of `guest` are.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from bench import boots, builds, guest, profile, starts
from bench.codegen import measure as codegen
from bench.figure import Figure

GROUPS = ("builds", "codegen", "starts", "boots", "guest")
SMALLEST_SHARE = 0.005
"""Functions that take less of a figure are left out of its profile."""


def measure(group: str) -> Iterable[Figure]:
    """The figures of one group."""
    if group == "builds":
        return builds.measure()
    if group == "codegen":
        return codegen.measure()
    if group == "starts":
        return starts.measure()
    return asyncio.run(boots.measure() if group == "boots" else guest.measure())


def print_profiles(names: list[str]) -> int:
    """The table of each figure; 2 when one is unknown."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    try:
        profiles = asyncio.run(profile.measure(names))
    except KeyError as error:
        print(f"bench: no figure {error.args[0]!r}: there are {', '.join(guest.NAMES)}", file=sys.stderr)
        return 2
    for figure in profiles:
        table = Table("function", "instructions", "calls", "share", title=f"{figure.name}: {figure.instructions:,.0f}")
        for row in figure.rows:
            if row.share >= SMALLEST_SHARE:
                table.add_row(row.function, f"{row.instructions:,.1f}", f"{row.calls:,.1f}", f"{row.share:.1%}")
        console.print(table)
    return 0


def main() -> int:
    """The command line; 2 when a group is unknown."""
    if sys.argv[1:2] == ["profile"]:
        return print_profiles(sys.argv[2:])
    wanted = sys.argv[1:] or list(GROUPS)
    unknown = [group for group in wanted if group not in GROUPS]
    if unknown:
        print(f"bench: no group {unknown[0]!r}: there are {', '.join(GROUPS)}", file=sys.stderr)
        return 2
    table = Table("what", "measured", "unit", "goal", "")
    console = Console(width=None if sys.stdout.isatty() else 120)
    for group in wanted:
        for figure in measure(group):
            goal = "" if figure.goal is None else f"{figure.goal:,g}"
            verdict = {None: "", True: "met", False: "missed"}[figure.is_met]
            table.add_row(figure.name, figure.text, figure.unit, goal, verdict)
            if sys.stderr.isatty():
                print(f"  {figure.name}: {figure.text} {figure.unit}", file=sys.stderr)
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
