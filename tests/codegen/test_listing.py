"""`make listing`: Python between its machine code, with marks where a failure may come from."""

from __future__ import annotations

import inspect

from codegen import Stub, compile_program, link, raising
from codegen.lang import Errno, Fallible, Interface, export, struct, u32
from codegen.listing import list_function
from codegen.program_file import ProgramFile
from codegen.target import Target
from kernel.base.errno import EINVAL, ENOENT, ENOMEM


class Source(Interface):
    def take(self) -> Fallible[u32]: ...


@struct
class Empty(Source):
    taken: u32 = 0

    def take(self) -> Fallible[u32]:
        raise ENOENT


@struct
class Small(Source):
    taken: u32 = 0

    def take(self) -> Fallible[u32]:
        self.taken += 1
        if self.taken > 3:
            raise ENOMEM
        return self.taken


SOURCES = (Empty(), Small())


def check(value: u32) -> Fallible[u32]:
    if value == 0:
        raise EINVAL
    return value


def plain(value: u32) -> u32:
    return value // 2


@export
def use(number: u32) -> u32:
    source: Source = SOURCES[0] if number == 0 else SOURCES[1]
    try:
        found = check(number)
        found += source.take()
        return plain(found)
    except Errno:
        return 0


def listed() -> list[str]:
    program = compile_program([use], target=Target.USER, jobs=1)
    stubs = [Stub(name, "text", lambda _symbols: "ud2") for name in sorted(program.externals)]
    file = ProgramFile(link(program, base=0x400000, stubs=stubs, entry="use", user=True).elf)
    names = {function.address: function.name for function in file.functions}
    lines = file.line_reader()
    return [line for function in file.functions for line in list_function(function, names, lines, file.raising)]


def marks() -> dict[str, str]:
    """The mark of each line of source in the listing; empty where it has none."""
    found = {}
    for line in listed():
        if "test_listing.py:" in line:
            text, _, mark = line.partition("    [")
            found[text.split(": ", 1)[1]] = mark.removesuffix("]")
    return found


def test_a_line_with_a_call_that_may_fail_is_marked_with_its_errors() -> None:
    found = marks()
    assert found["if value == 0:"] == ""
    assert found["found += source.take()"] == "may raise ENOENT, ENOMEM"
    assert found["return value // 2"] == ""


def test_marks_count_calls_that_were_inlined() -> None:
    lines, start = inspect.getsourcelines(use)
    place = (
        "tests/codegen/test_listing.py",
        start + next(number for number, line in enumerate(lines) if "check(number)" in line),
    )
    program = compile_program([use], target=Target.USER, jobs=1)
    assert raising.decode(program.attachments[raising.SECTION])[place] == ("EINVAL",)


def test_marks_are_written_and_read_alike() -> None:
    found = {("a.py", 3): ("EINVAL", "ENOENT"), ("b.py", 10): (raising.ANY,)}
    assert raising.decode(raising.encode(found)) == found
