"""The vDSO as a shared object (vdso(7); System V ABI, chapter 5): headers, dynamic section, symbols, and the code.

It is one page, which the kernel copies out of its read-only data (kernel/process/vdso.py). The code uses no data but
the page of times, at a fixed address, so there is nothing to relocate.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

from boot.vdso import clocks
from codegen import compile_program, link
from codegen.root import BUILD_FOLDER
from codegen.stubs import Stub, Symbols
from codegen.target import Target

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "clock_gettime": clocks.vdso_clock_gettime,
    "gettimeofday": clocks.vdso_gettimeofday,
    "time": clocks.vdso_time,
    "clock_getres": clocks.vdso_clock_getres,
    "getcpu": clocks.vdso_getcpu,
}
"""By the name in the manual; the symbol is that with `__vdso_` before it, as on Linux, and the plain name."""
SONAME = b"linux-vdso.so.1"
VERSION = b"LINUX_2.6"
TEXT_OFFSET = 0x600
PAGE_SIZE = 4096
LINK_BASE = 0x10000
"""Where the code is linked; it runs anywhere."""
LOAD, DYNAMIC, READ_EXECUTE, READ = 1, 2, 5, 4
DT_NULL, DT_HASH, DT_STRTAB, DT_SYMTAB, DT_STRSZ, DT_SYMENT, DT_SONAME = 0, 4, 5, 6, 10, 11, 14
DT_VERSYM, DT_VERDEF, DT_VERDEFNUM = 0x6FFFFFF0, 0x6FFFFFFC, 0x6FFFFFFD
GLOBAL_FUNCTION, WEAK_FUNCTION = 0x12, 0x22
ELF_HEADER_SIZE, PROGRAM_HEADER_SIZE = 64, 56


def elf_hash(name: bytes) -> int:
    """The hash function of DT_HASH and of versions (System V ABI, figure 5-13)."""
    value = 0
    for byte in name:
        value = (value << 4) + byte
        high = value & 0xF0000000
        value = (value ^ (high >> 24)) & ~high & 0xFFFFFFFF
    return value


def compiled() -> tuple[bytes, dict[str, int]]:
    """The code, and where in it each function begins."""
    program = compile_program(
        [*FUNCTIONS.values(), clocks.trap_failed], target=Target.USER, cache=BUILD_FOLDER / "cache"
    )
    image = link(program, base=LINK_BASE, entry="vdso_time", user=True)
    start = image.symbols["__text_start"]
    size = image.symbols["__text_end"] - start
    (text,) = (part for part in image.segments if part.address <= start < part.address + part.memory_size)
    return text.content[start - text.address :][:size], {
        name: image.symbols[f"vdso_{name}"] - start for name in FUNCTIONS
    }


class Strings:
    """A string table."""

    def __init__(self) -> None:
        self.content = bytearray(1)

    def add(self, text: bytes) -> int:
        """Its offset."""
        self.content += text + b"\0"
        return len(self.content) - len(text) - 1


def symbol_table(strings: Strings, offsets: dict[str, int]) -> tuple[bytes, int]:
    """DT_SYMTAB and the number of its entries."""
    entries = [bytes(24)]
    for name, offset in offsets.items():
        for spelt, kind in ((f"__vdso_{name}", GLOBAL_FUNCTION), (name, WEAK_FUNCTION)):
            place = strings.add(spelt.encode())
            entries.append(struct.pack("<IBBHQQ", place, kind, 0, 1, TEXT_OFFSET + offset, 0))
    return b"".join(entries), len(entries)


def hash_table(count: int) -> bytes:
    """DT_HASH with one bucket: the chain goes through all symbols."""
    chain = [0, *range(2, count), 0]
    return struct.pack(f"<{3 + count}I", 1, count, 1, *chain)


def versions(strings: Strings, soname: int) -> bytes:
    """DT_VERDEF: the base version, which is the object's name, and the one that all symbols have."""
    base = struct.pack("<HHHHIIIII", 1, 1, 1, 1, elf_hash(SONAME), 20, 28, soname, 0)
    return base + struct.pack("<HHHHIIIII", 1, 0, 2, 1, elf_hash(VERSION), 20, 0, strings.add(VERSION), 0)


def headers(offsets: dict[str, int], size: int) -> bytes:
    """All that stands before the code, in an image of `size` bytes."""
    strings = Strings()
    soname = strings.add(SONAME)
    symbols, count = symbol_table(strings, offsets)
    parts = {
        DT_HASH: hash_table(count),
        DT_SYMTAB: symbols,
        DT_VERDEF: versions(strings, soname),
        DT_VERSYM: struct.pack(f"<{count}H", 0, *[2] * (count - 1)),
        DT_STRTAB: bytes(strings.content),
    }
    dynamic_start = ELF_HEADER_SIZE + 2 * PROGRAM_HEADER_SIZE
    facts = {DT_SONAME: soname, DT_STRSZ: len(strings.content), DT_SYMENT: 24, DT_VERDEFNUM: 2}
    position = dynamic_start + 16 * (len(parts) + len(facts) + 1)
    body = b""
    for tag, content in parts.items():
        facts[tag] = position + len(body)
        body += content + bytes(-len(content) % 8)
    dynamic = b"".join(struct.pack("<QQ", tag, value) for tag, value in facts.items()) + bytes(16)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 3, 62, 1, 0, ELF_HEADER_SIZE, 0, 0, ELF_HEADER_SIZE,
        PROGRAM_HEADER_SIZE, 2, 64, 0, 0,
    )  # fmt: skip
    load = struct.pack("<IIQQQQQQ", LOAD, READ_EXECUTE, 0, 0, 0, size, size, PAGE_SIZE)
    where, length = (dynamic_start,) * 3, len(dynamic)
    return header + load + struct.pack("<IIQQQQQQ", DYNAMIC, READ, *where, length, length, 8) + dynamic + body


def lines(content: bytes) -> Iterator[str]:
    """The bytes as directives of the assembler."""
    for start in range(0, len(content), 32):
        yield ".byte " + ", ".join(str(byte) for byte in content[start : start + 32])


def stubs() -> tuple[Stub, ...]:
    """The image in the kernel's read-only data, from `vdso_image` to `vdso_end`; its code begins at `vdso_text`."""
    text, offsets = compiled()
    before = headers(offsets, TEXT_OFFSET + len(text))
    assert len(before) <= TEXT_OFFSET and TEXT_OFFSET + len(text) <= PAGE_SIZE, "the vDSO is one page"
    before += bytes(TEXT_OFFSET - len(before))

    def directives(content: bytes) -> str:
        return "\n".join(lines(content))

    def image(symbols: Symbols) -> str:
        return directives(before)

    def code(symbols: Symbols) -> str:
        return directives(text)

    def end(symbols: Symbols) -> str:
        return ".byte 0"

    return (
        Stub("vdso_image", "rodata", image, alignment=16),
        Stub("vdso_text", "rodata", code, alignment=1),
        Stub("vdso_end", "rodata", end, alignment=1),
    )


STUBS = stubs()
