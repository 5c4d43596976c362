"""`python -m bench [GROUP...]`: measures, and prints a table. Groups: builds, codegen, boots, guest."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from bench import boots, builds, guest
from bench.codegen import measure as codegen
from bench.figure import Figure

GROUPS = ("builds", "codegen", "boots", "guest")


def measure(group: str) -> Iterable[Figure]:
    """The figures of one group."""
    if group == "builds":
        return builds.measure()
    if group == "codegen":
        return codegen.measure()
    return asyncio.run(boots.measure() if group == "boots" else guest.measure())


def main() -> int:
    """The command line; 2 when a group is unknown."""
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
