"""Line tables: what DWARF says, joined with inlined calls, survives packing; the same from DWARF 4 and 5."""

from __future__ import annotations

import struct

import pytest

from codegen import Panic, Stub, link
from codegen.image import Image
from codegen.lang import TrapKind
from codegen.lines import ASSEMBLY, MAGIC, NO_RECORD, Frame, LineReader, source_line
from codegen.sandbox import STUBS, Sandbox
from kernel.base.line_table import LineTable
from tests.codegen.both import both
from tests.codegen.handmade import object_of, program_of

SOURCE = "codegen/lines.py"

MODULE = """
declare hidden void @trap_failed(i32) noreturn
define hidden i64 @checked(i64 %%x) alwaysinline nounwind "frame-pointer"="all" !dbg !5 {
  %%bad = icmp ugt i64 %%x, 3, !dbg !10
  br i1 %%bad, label %%fail, label %%good, !dbg !10
fail:
  call void @trap_failed(i32 5) noreturn, !dbg !11
  unreachable, !dbg !11
good:
  ret i64 %%x, !dbg !11
}
define hidden i64 @outer(i64 %%x) noinline nounwind "frame-pointer"="all" %s !dbg !6 {
  %%y = call i64 @checked(i64 %%x), !dbg !12
  ret i64 %%y, !dbg !12
}
define hidden i64 @main(i64 %%x) nounwind "frame-pointer"="all" !dbg !7 {
  %%y = call i64 @outer(i64 %%x), !dbg !13
  %%z = add i64 %%y, 1, !dbg !13
  ret i64 %%z, !dbg !13
}
!llvm.dbg.cu = !{!0}
!llvm.module.flags = !{!1, !2}
!0 = distinct !DICompileUnit(language: DW_LANG_Python, file: !3, isOptimized: true, emissionKind: FullDebug)
!1 = !{i32 2, !"Debug Info Version", i32 3}
!2 = !{i32 2, !"Dwarf Version", i32 %d}
!3 = !DIFile(filename: "codegen/lines.py", directory: "")
!4 = !DISubroutineType(types: !{})
!5 = distinct !DISubprogram(name: "checked", file: !3, line: 1, type: !4, scopeLine: 1, unit: !0, spFlags: 8)
!6 = distinct !DISubprogram(name: "outer", file: !3, line: 9, type: !4, scopeLine: 9, unit: !0, spFlags: 8)
!7 = distinct !DISubprogram(name: "main", file: !3, line: 16, type: !4, scopeLine: 16, unit: !0, spFlags: 8)
!10 = !DILocation(line: 3, column: 4, scope: !5)
!11 = !DILocation(line: 4, column: 4, scope: !5)
!12 = !DILocation(line: 11, column: 4, scope: !6)
!13 = !DILocation(line: 17, column: 4, scope: !7)
"""


def frame(line: int, function: str) -> Frame:
    return Frame(SOURCE, line, function, source_line(SOURCE, line))


def linked(version: int, attribute: str = "") -> Image:
    text = MODULE.replace("spFlags: 8", "spFlags: DISPFlagDefinition") % (attribute, version)
    return link(program_of(object_of("module", text)), base=0x400000, stubs=STUBS, entry="main", user=True)


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("attribute", ["", "cold"], ids=["one section", "two sections of code"])
def test_a_trap_names_every_function_inlined_ones_too(version: int, attribute: str) -> None:
    image = linked(version, attribute)
    with pytest.raises(Panic) as caught:
        Sandbox(image).call(image.symbols["main"], 4)
    assert caught.value.kind is TrapKind.BOUNDS
    frames = (frame(17, "main"), frame(11, "outer"), frame(4, "checked"))
    assert caught.value.frames == tuple(tuple(entry) for entry in frames)
    assert 'File "codegen/lines.py", line 11, in outer' in str(caught.value)


def test_no_trap_no_panic() -> None:
    image = linked(5)
    assert Sandbox(image).call(image.symbols["main"], 3) == 4


def test_a_stub_is_named_without_a_source_line() -> None:
    image = linked(5)
    assert image.line_reader().frames(image.symbols["trap_failed"]) == [Frame(ASSEMBLY, 0, "trap_failed", "")]


def test_an_address_before_the_code_has_no_frames() -> None:
    image = linked(5)
    assert image.line_reader().frames(image.symbols["__text_start"] - 1) == []


def test_the_packed_form_is_the_documented_one() -> None:
    """Read as the kernel reads it: header, ranges, records, strings by their offsets."""
    image = linked(5)
    start = image.symbols["__line_table"]
    assert start % 8 == 0
    table = image.content_at(start, image.symbols["__rodata_end"] - start)
    header = struct.unpack_from("<8I", table)
    magic, version, range_count, record_count, ranges, records, strings, size = header
    assert (magic, version) == (MAGIC, 1)
    assert (ranges, records) == (32, 32 + 8 * range_count)
    assert strings == records + 20 * record_count
    offset = image.symbols["main"] - image.symbols["__text_start"]
    entries = list(struct.iter_unpack("<II", table[ranges:records]))
    assert entries == sorted(entries, key=lambda entry: entry[0])
    record = [record for begin, record in entries if begin <= offset][-1]
    file, function, _text, line, caller = struct.unpack_from("<5I", table, records + 20 * record)
    assert line in (16, 17)
    assert caller == 0xFFFFFFFF
    for name, expected in ((file, b"codegen/lines.py"), (function, b"main")):
        (length,) = struct.unpack_from("<H", table, strings + name)
        assert table[strings + name + 2 : strings + name + 2 + length] == expected
    assert strings + size <= len(table)


def test_a_table_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="not a line table"):
        LineReader(struct.pack("<8I", MAGIC, 2, 0, 0, 32, 32, 32, 0), 0)


def test_the_table_does_not_depend_on_where_the_program_is_linked() -> None:
    stub = Stub("unused", "text", lambda _symbols: "ret")
    text = MODULE.replace("spFlags: 8", "spFlags: DISPFlagDefinition") % ("", 5)
    tables = []
    for base in (0x400000, 0x800000):
        program = program_of(object_of("module", text))
        image = link(program, base=base, stubs=[*STUBS, stub], entry="main", user=True)
        start = image.symbols["__line_table"]
        tables.append(image.content_at(start, 400))
    assert tables[0] == tables[1]


def test_the_kernels_reader_and_the_hosts_agree() -> None:
    """kernel/base/line_table.py, under CPython and compiled, finds what LineReader finds."""
    image = linked(5)
    start, text = image.symbols["__line_table"], image.symbols["__text_start"]
    table = LineTable()
    table.content = image.content_at(start, image.symbols["__rodata_end"] - start)
    assert both(table.is_valid)
    reader = image.line_reader()
    for address in range(text, image.symbols["__text_end"], 3):
        record = both(table.find, address - text)
        found = []
        while record != NO_RECORD:
            names = [bytes(both(part, record)).decode() for part in (table.file, table.function, table.text)]
            found.append(Frame(names[0], both(table.line, record), names[1], names[2]))
            record = both(table.caller, record)
        assert found == reader.frames(address)
