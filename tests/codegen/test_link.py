"""The linker: what it places where, what it refuses, and that the file it writes is one that others read."""

from __future__ import annotations

import io
import struct

import pytest
from elftools.elf.elffile import ELFFile

from codegen import LinkError, Note, Stub, link
from codegen.image import Image
from codegen.sandbox import STUBS, Sandbox
from codegen.target import Target
from tests.codegen.handmade import object_of, program_of

KERNEL = 0xFFFFFFFF80200000
LOW = 0x400000

COUNTER = """
@count = hidden global i64 41
@room = hidden global [100 x i64] zeroinitializer
@table = hidden constant [2 x ptr] [ptr @next, ptr @count]
define hidden i64 @next() {
  %old = load i64, ptr @count
  %new = add i64 %old, 1
  store i64 %new, ptr @count
  ret i64 %new
}
"""
CALLER = """
declare hidden i64 @next()
declare hidden i64 @stub_add(i64, i64)
@table = external hidden constant [2 x ptr]
define hidden i64 @main() {
  %slot = load volatile ptr, ptr @table
  %first = call i64 %slot()
  %second = call i64 @next()
  %sum = call i64 @stub_add(i64 %first, i64 %second)
  ret i64 %sum
}
"""
ADD = Stub("stub_add", "text", lambda _symbols: "lea rax, [rdi + rsi]\nret")


def linked(target: Target, base: int, *stubs: Stub, notes: tuple[Note, ...] = ()) -> Image:
    objects = object_of("counter", COUNTER, target), object_of("caller", CALLER, target)
    user = target is Target.USER
    return link(program_of(*objects), base=base, stubs=[ADD, *stubs], entry="main", user=user, notes=notes)


def test_code_and_data_of_two_objects_and_a_stub_work_together() -> None:
    image = linked(Target.USER, LOW, *STUBS)
    sandbox = Sandbox(image)
    assert sandbox.call(image.symbols["main"]) == 42 + 43
    assert sandbox.read(image.symbols["count"], 8) == struct.pack("<Q", 43)


def test_sections_are_apart_by_permission() -> None:
    symbols = linked(Target.KERNEL, KERNEL).symbols
    assert symbols["__text_start"] <= symbols["next"] < symbols["__text_end"] <= symbols["__rodata_start"]
    assert symbols["__rodata_start"] <= symbols["table"] < symbols["__rodata_end"] <= symbols["__data_start"]
    assert symbols["__data_start"] <= symbols["count"] < symbols["__data_end"]
    assert symbols["__bss_start"] <= symbols["room"] < symbols["__bss_end"] <= symbols["__image_end"]
    assert all(symbols[f"__{name}_start"] % 4096 == 0 for name in ("text", "rodata", "data"))


def test_kernel_segments_are_loaded_low_and_boot_stubs_keep_their_physical_address() -> None:
    boot = Stub("start", "boot", lambda symbols: f"mov rax, {symbols['main']:#x}\njmp rax")
    image = linked(Target.KERNEL, KERNEL, boot)
    assert image.symbols["start"] == 0x200000
    boot_segment, text = image.segments[:2]
    assert (boot_segment.address, boot_segment.physical) == (0x200000, 0x200000)
    assert text.address - text.physical == 0xFFFFFFFF80000000
    assert text.physical == 0x201000


def test_the_file_has_segments_symbols_and_notes() -> None:
    pvh = Note("Xen", 18, lambda symbols: struct.pack("<I", symbols["start"]))
    image = linked(Target.KERNEL, KERNEL, Stub("start", "boot", lambda _symbols: "hlt"), notes=(pvh,))
    elf = ELFFile(io.BytesIO(image.elf))
    assert [segment["p_flags"] for segment in elf.iter_segments("PT_LOAD")] == [7, 5, 4, 6]
    table = elf.get_section_by_name(".symtab")
    by_name = {symbol.name: symbol["st_value"] for symbol in table.iter_symbols()}
    assert by_name["next"] == image.symbols["next"]
    (notes,) = elf.iter_segments("PT_NOTE")
    build_id, xen = notes.iter_notes()
    assert build_id["n_type"] == "NT_GNU_BUILD_ID"
    assert bytes.fromhex(build_id["n_desc"]) == image.build_id
    assert (xen["n_name"], xen["n_type"], xen["n_descdata"]) == ("Xen", 18, struct.pack("<I", 0x200000))


def test_what_is_hot_lies_together_on_pages_of_its_own_before_the_stubs() -> None:
    text = """
define hidden i64 @NAME.cold() {
  ret i64 1
}
define hidden i64 @NAME.hot() section ".text.hot" {
  ret i64 2
}
"""
    objects = [object_of(name, text.replace("NAME", name), Target.KERNEL) for name in ("one", "two")]
    symbols = link(program_of(*objects), base=KERNEL, stubs=[ADD], entry="one.hot").symbols
    in_order = sorted(("one.cold", "two.cold", "one.hot", "two.hot", "stub_add"), key=symbols.__getitem__)
    assert in_order == ["one.cold", "two.cold", "one.hot", "two.hot", "stub_add"]
    assert symbols["one.hot"] % 4096 == 0
    assert symbols["stub_add"] - symbols["one.hot"] < 4096


def test_the_same_input_gives_the_same_bytes_in_any_order() -> None:
    objects = [object_of("counter", COUNTER), object_of("caller", CALLER)]
    first = link(program_of(*objects), base=LOW, stubs=[ADD], entry="main", user=True)
    second = link(program_of(*reversed(objects)), base=LOW, stubs=[ADD], entry="main", user=True)
    assert first.elf == second.elf


def test_the_build_id_changes_with_the_content() -> None:
    other = Stub("more", "text", lambda _symbols: "nop")
    assert linked(Target.USER, LOW).build_id != linked(Target.USER, LOW, other).build_id


def test_a_missing_symbol_is_named_with_its_user() -> None:
    with pytest.raises(LinkError, match=r"nothing defines next \(used by caller\), table \(used by caller\)"):
        link(program_of(object_of("caller", CALLER)), base=LOW, stubs=[ADD], entry="main", user=True)


def test_a_symbol_defined_twice_is_refused() -> None:
    twice = [object_of("one", COUNTER), object_of("two", COUNTER)]
    with pytest.raises(LinkError, match="defined by one and by two"):
        link(program_of(*twice), base=LOW, entry="next", user=True)


def test_a_missing_entry_is_refused() -> None:
    with pytest.raises(LinkError, match="entry symbol 'start'"):
        link(program_of(object_of("counter", COUNTER)), base=LOW, entry="start", user=True)


def test_an_address_that_is_out_of_reach_is_refused() -> None:
    text = "@far = external hidden global i64\ndefine ptr @where() {\n  ret ptr @far\n}\n"
    program = program_of(object_of("near", text))
    far = Stub("far", "data", lambda _symbols: ".quad 7")
    with pytest.raises(LinkError, match="out of reach"):
        link(program, base=0x1_0000_0000, stubs=[far], entry="where", user=True)
