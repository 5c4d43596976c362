"""The build refuses a program whose calls do not fit its stacks."""

from __future__ import annotations

import pytest

from boot.layout import STACK_SIZE
from boot.stack_limit import check_stacks
from codegen import LinkError, Program, Stub, call_graph, link

Calls = dict[str, tuple[str, ...]]


def program(calls: Calls, **code: str) -> bytes:
    """An ELF file of stubs; in their text, {name} is the address of another one."""
    stubs = [Stub(name, "text", text.format_map) for name, text in code.items()]
    attached = {call_graph.SECTION: call_graph.encode(calls)}
    return link(Program((), frozenset(), attached), base=0x400000, stubs=stubs, entry="enter", user=True).elf


def room(size: int) -> str:
    return f"sub rsp, {size}\nadd rsp, {size}\nret"


def test_what_fits_is_accepted() -> None:
    check_stacks(program({"enter": ()}, enter=room(STACK_SIZE // 2)))


def test_what_does_not_fit_is_refused_with_its_calls() -> None:
    code = {"enter": "call {middle}\nret", "middle": "call {deep}\nret", "deep": room(STACK_SIZE)}
    with pytest.raises(LinkError, match=r"enter may need \d+ bytes of stack(.|\n)*    middle\n    deep"):
        check_stacks(program({"enter": ()}, **code))


def test_traps_come_on_top_of_what_they_interrupt() -> None:
    size = STACK_SIZE // 2
    calls: Calls = {"enter": (), "handle_trap": ()}
    check_stacks(program(calls, enter=room(size), handle_trap=room(64)))
    with pytest.raises(LinkError, match="enter may need"):
        check_stacks(program(calls, enter=room(size), handle_trap=room(size // 2)))


def test_a_recursion_without_a_bound_is_refused() -> None:
    with pytest.raises(LinkError, match="without a bound: enter"):
        check_stacks(program({"enter": ()}, enter="call {enter}\nret"))
    check_stacks(program({"enter": ("#2",)}, enter="call {enter}\nret"))
