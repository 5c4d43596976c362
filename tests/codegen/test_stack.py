"""Stack depths: frame sizes out of machine code, circles in the call graph, the deepest path."""

from __future__ import annotations

from typing import Any, cast

import pytest

from codegen import Program, Stub, call_graph, link
from codegen.program_file import ProgramFile
from codegen.stack import StackAnalysis, circles, frames_of

CODE = {
    "leaf": "push rbp\nmov rbp, rsp\nsub rsp, 0x40\nleave\nret",
    "middle": "push rbp\npush rbx\ncall {leaf}\npop rbx\npop rbp\nret",
    "root": "push rbp\nsub rsp, 8\ncall rax\nret",
}
CALLS: dict[str, tuple[str, ...]] = {"leaf": (), "middle": ("leaf",), "root": ("inlined",), "inlined": ("*middle",)}
"""`inlined` has no code: its indirect call is in `root`."""


def stub(name: str, text: str) -> Stub:
    return Stub(name, "text", text.format_map)


def analysis(calls: dict[str, tuple[str, ...]], **code: str) -> StackAnalysis:
    stubs = [stub(name, text) for name, text in {**CODE, **code}.items()]
    attached = {call_graph.SECTION: call_graph.encode(calls)}
    image = link(Program((), frozenset(), attached), base=0x400000, stubs=stubs, entry="root", user=True)
    return StackAnalysis(ProgramFile(image.elf))


@pytest.mark.parametrize(("name", "size"), [("leaf", 8 + 8 + 0x40), ("middle", 8 + 16), ("root", 8 + 8 + 8)])
def test_a_frame_is_return_address_saved_registers_and_room(name: str, size: int) -> None:
    stubs = [stub(name, text) for name, text in CODE.items()]
    image = link(Program((), frozenset()), base=0x400000, stubs=stubs, entry=name, user=True)
    frames = frames_of(ProgramFile(image.elf))
    assert frames[name].size == size
    assert frames["middle"].calls == ("leaf",)


def test_the_deepest_path_goes_through_indirect_calls_of_what_was_inlined() -> None:
    use = analysis(CALLS).deepest("root")
    assert (use.bytes, use.path, use.recursion) == (24 + 24 + 80, ("root", "middle", "leaf"), ())


def test_recursion_is_reported_and_counted_once() -> None:
    use = analysis({**CALLS, "leaf": ("*middle",)}).deepest("root")
    assert use.recursion == (("leaf", "middle"),)
    assert use.bytes == 24 + 24 + 80


def test_a_function_that_calls_itself_is_recursion() -> None:
    assert analysis(CALLS, leaf="call {leaf}\nret").deepest("middle").recursion == (("leaf",),)


def test_what_ends_the_machine_is_no_callee() -> None:
    ending = {"leaf": "call {trap_failed}", "trap_failed": "sub rsp, 0x1000\nhlt"}
    assert analysis(CALLS, **ending).deepest("middle").bytes == 24 + 8


def test_circles_are_the_strongly_connected_components() -> None:
    calls: dict[str, tuple[str, ...]] = {
        "a": ("b",),
        "b": ("c", "d"),
        "c": ("a",),
        "d": ("e",),
        "e": ("d",),
        "f": ("a",),
    }
    assert sorted(circles(calls)) == [("a", "b", "c"), ("d", "e"), ("f",)]


def test_the_graph_survives_the_file() -> None:
    assert call_graph.decode(call_graph.encode(CALLS)) == CALLS
    assert cast(Any, analysis(CALLS))._tree == CALLS


def test_a_bounded_recursion_counts_as_often_as_its_mark_says() -> None:
    use = analysis({**CALLS, "leaf": ("#3", "*middle")}).deepest("root")
    assert use.bytes == 24 + 4 * 24 + 3 * 80
    assert use.recursion == (("leaf", "middle"),) and use.unbounded == ()


def test_a_recursion_without_a_mark_has_no_bound() -> None:
    assert analysis({**CALLS, "leaf": ("*middle",)}).deepest("root").unbounded == (("leaf", "middle"),)


def test_a_mark_without_a_recursion_changes_nothing() -> None:
    use = analysis({**CALLS, "leaf": ("#3",)}).deepest("root")
    assert (use.bytes, use.recursion, use.unbounded) == (24 + 24 + 80, (), ())
