"""docs/linux-calls.md: every system call of Linux and of our own, and how far the kernel has it.

`python -m harness.call_docs` writes the page from the declarations; a test holds it to them.
"""

from __future__ import annotations

from enum import Enum
from inspect import signature
from pathlib import Path

from harness.linux_calls import ABSENT, NAMES
from kernel.syscalls.declare import Declaration

PAGE = Path(__file__).resolve().parents[1] / "docs" / "linux-calls.md"
FIRST_OF_OUR_OWN = 1000
HEAD = """# System calls

Made from the declarations in `kernel/syscalls/` by `python -m harness.call_docs`; do not edit. Numbers are those of
x86-64 Linux 6.1 and its man pages say what a call does.

- **whole**: what the man page says, for what there is in a container.
- **part**: the rest of the line says what is missing, and what is answered instead.
- **absent**: ENOSYS, as of a Linux that was built without it, and counted in the container (`unknown_calls`); or
  EPERM for what would change the machine, as on Linux without the capability.

"needs" is what the caller must have: "user 0" is the superuser of the container.
"""


class State(Enum):
    """How far the kernel has a call."""

    WHOLE = "whole"
    PART = "part"
    ABSENT = "absent"


def declarations() -> list[Declaration]:
    """All calls in the order of their numbers."""
    from kernel.syscalls.dispatch import CALLS

    return list(CALLS)


def state_of(call: Declaration | None) -> State:
    """How far the kernel has a call that is declared so, or not at all."""
    if call is None or call.answer:
        return State.ABSENT
    return State.PART if call.missing else State.WHOLE


def linux_row(number: int, name: str, call: Declaration | None) -> str:
    """One line of the table: number, name, state, what it needs, what is missing or to be known."""
    state = state_of(call)
    if call is None:
        subject = ABSENT.get(name, "")
        return f"| {number} | `{name}` | {state.value} |  | ENOSYS{f': {subject}' if subject else ''} |"
    if call.answer:
        return f"| {number} | `{name}` | {state.value} |  | {call.answer}: what a container may not do |"
    remark = f"missing: {call.missing}" if call.missing else call.remark
    return f"| {number} | `{name}` | {state.value} | {call.needs} | {remark} |"


def own_row(call: Declaration) -> str:
    """One line of the table of our own calls: number, name and parameters, what the docstring says first."""
    parameters = list(signature(call.function).parameters)[1:]
    return f"| {call.number} | `{call.name}({', '.join(parameters)})` | {call.summary} |"


def counts(calls: dict[int, Declaration]) -> str:
    """One line: how many calls are whole, in part and absent."""
    states = [state_of(calls.get(number)) for number in NAMES]
    told = ", ".join(f"{states.count(state)} {state.value}" for state in State)
    return f"Of the {len(NAMES)} calls of Linux: {told}."


def page() -> str:
    """The whole page."""
    calls = {call.number: call for call in declarations()}
    lines = [
        HEAD,
        counts(calls),
        "\n## Linux\n",
        "| number | call | state | needs | |",
        "| ---: | --- | --- | --- | --- |",
    ]
    lines += [linux_row(number, name, calls.get(number)) for number, name in sorted(NAMES.items())]
    lines += ["\n## Containers (docs/containers.md)\n", "| number | call | |", "| ---: | --- | --- |"]
    lines += [own_row(call) for number, call in calls.items() if number >= FIRST_OF_OUR_OWN]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
