"""docs/linux-calls.md: every system call that the kernel has, from its declarations.

`python -m harness.call_docs` writes the page; a test holds it to the declarations.
"""

from __future__ import annotations

import inspect
from pathlib import Path

from kernel.syscalls.declare import Declaration

PAGE = Path(__file__).resolve().parents[1] / "docs" / "linux-calls.md"
FIRST_OF_OUR_OWN = 1000
HEAD = """# System calls

Made from the declarations in `kernel/syscalls/` by `python -m harness.call_docs`; do not edit. Numbers are those of
x86-64 Linux. Every other number answers ENOSYS and is counted in its container (`unknown_calls`).
"""


def declarations() -> list[Declaration]:
    """All calls in the order of their numbers."""
    from kernel.syscalls.dispatch import CALLS

    return list(CALLS)


def row(call: Declaration) -> str:
    """One line of the table: number, name, parameters, and what the docstring says first."""
    parameters = list(inspect.signature(call.function).parameters)[1:]
    return f"| {call.number} | `{call.name}({', '.join(parameters)})` | {call.summary} |"


def page() -> str:
    """The whole page."""
    calls = declarations()
    linux = [row(call) for call in calls if call.number < FIRST_OF_OUR_OWN]
    own = [row(call) for call in calls if call.number >= FIRST_OF_OUR_OWN]
    table = ["| number | call | |", "| ---: | --- | --- |"]
    lines = [f"{HEAD}\n## Linux: {len(linux)} calls\n", *table, *linux]
    lines += ["\n## Containers (docs/containers.md)\n", *table, *own]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
