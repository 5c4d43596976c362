"""Runs each function of both kinds in the CPU emulator, compares what they do, and counts the instructions.

C gets gcc -O2 for the same registers (`-mgeneral-regs-only`), and no calls of memory functions in place of loops
(`-fno-tree-loop-distribute-patterns`), so that both copy with what they were told to. Memory may be seen as another
type (`-fno-strict-aliasing`, as in Linux): both have allocators that need it. Only ours has checks and frame pointers.
"""

from __future__ import annotations

import math
import random
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import capstone
import unicorn
from elftools.elf.elffile import ELFFile
from unicorn import x86_const as x86

from bench.codegen import bytes as byte_functions
from bench.codegen import objects
from bench.figure import Figure
from codegen import Stub, compile_program, link
from codegen.target import Target

GOAL_OF_ONE = 1.3
GOAL_OF_ALL = 1.10
C_OPTIONS = (
    *("-O2", "-ffreestanding", "-nostdlib", "-static", "-fno-pic", "-no-pie", "-mno-sse", "-mgeneral-regs-only"),
    *(
        "-fno-tree-loop-distribute-patterns",
        "-fno-strict-aliasing",
        "-fno-stack-protector",
        "-fno-asynchronous-unwind-tables",
    ),
)
SOURCE = Path(__file__).with_name("functions.c")
BASE = 0x400000
ARENA, ARENA_SIZE = 0x1000_0000, 65536
STACK_TOP, STACK_SIZE = 0x2000_0000, 65536
RETURN = 0x3000_0000
PAGE = 4096


def random_bytes() -> bytes:
    """An arena of bytes that look random and are always the same."""
    return random.Random(1).randbytes(ARENA_SIZE)


def sparse_bits() -> bytes:
    """A bitmap in which most bits are set."""
    source = random.Random(2)
    words = [
        ~(1 << source.randrange(64)) & (1 << 64) - 1 if source.random() < 0.2 else (1 << 64) - 1 for _ in range(512)
    ]
    return struct.pack("<512Q", *words)


def path_text() -> bytes:
    """A path with all that paths have."""
    return b"/usr/./share//doc/../lib/x86_64-linux-gnu/./libc.so.6/" * 16


def page_tables() -> bytes:
    """Four levels of page tables, in which three of four pages are mapped."""
    tables = [[0] * 512 for _ in range(4)]
    for level in range(3):
        tables[level][0] = ARENA + (level + 1) * PAGE | 7
    tables[3] = [0x5000_0000 + page * PAGE | 7 if page % 4 else 0 for page in range(512)]
    return b"".join(struct.pack("<512Q", *table) for table in tables)


@dataclass(frozen=True)
class Case:
    """One function: what it is for, how it is written here, and what it is called with."""

    title: str
    function: Callable[[int, int], int]
    count: int
    content: Callable[[], bytes] = random_bytes


CASES = (
    Case("memory copy, word by word", byte_functions.copy_words, 512),
    Case("internet checksum", byte_functions.internet_checksum, 1500),
    Case("CRC-32 by table", byte_functions.crc32, 1500),
    Case("FNV-1a", byte_functions.fnv_hash, 1500),
    Case("SipHash rounds", byte_functions.sip_rounds, 200),
    Case("bitmap search", byte_functions.bitmap_search, 512, sparse_bits),
    Case("path parsing", byte_functions.parse_path, 800, path_text),
    Case("text formatting", byte_functions.format_numbers, 200),
    Case("sorting", byte_functions.sort_numbers, 100),
    Case("page walk", objects.page_walk, 512, page_tables),
    Case("list operations", objects.list_operations, 300),
    Case("tree operations", objects.tree_operations, 300),
    Case("ring buffer", objects.ring_buffer, 1000),
)


@dataclass(frozen=True)
class Outcome:
    """What a function left, and how many instructions it took."""

    result: int
    arena: bytes
    instructions: int


class Code:
    """Linked code that can be called."""

    def __init__(self, segments: list[tuple[int, bytes, int]], symbols: dict[str, int]) -> None:
        self.segments = segments
        self.symbols = symbols

    def call(self, case: Case) -> Outcome:
        """Call a function in a fresh machine."""
        machine = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
        for address, content, size in self.segments:
            start = address & -PAGE
            machine.mem_map(start, (address + size - start + PAGE - 1) & -PAGE)
            machine.mem_write(address, content)
        machine.mem_map(ARENA, ARENA_SIZE)
        machine.mem_write(ARENA, case.content())
        machine.mem_map(STACK_TOP - STACK_SIZE, STACK_SIZE)
        machine.mem_map(RETURN, PAGE)
        stack = STACK_TOP - 64
        machine.mem_write(stack - 8, struct.pack("<Q", RETURN))
        for register, value in (("RSP", stack - 8), ("RDI", ARENA), ("RSI", case.count)):
            machine.reg_write(getattr(x86, f"UC_X86_REG_{register}"), value)
        blocks: dict[tuple[int, int], int] = {}

        def enter(_machine: Any, address: int, size: int, _data: Any) -> None:
            blocks[address, size] = blocks.get((address, size), 0) + 1

        machine.hook_add(unicorn.UC_HOOK_BLOCK, enter)
        machine.emu_start(self.symbols[case.function.__name__], RETURN)
        if machine.reg_read(x86.UC_X86_REG_RIP) != RETURN:
            raise RuntimeError(f"{case.title}: a check failed")
        result = machine.reg_read(x86.UC_X86_REG_RAX)
        return Outcome(result, bytes(machine.mem_read(ARENA, ARENA_SIZE)), count_instructions(machine, blocks))


def count_instructions(machine: unicorn.Uc, blocks: dict[tuple[int, int], int]) -> int:
    """The instructions of all blocks, as often as each was entered."""
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    return sum(
        times * sum(1 for _ in decoder.disasm_lite(bytes(machine.mem_read(address, size)), address))
        for (address, size), times in blocks.items()
    )


def compile_ours() -> Code:
    """The functions in the kernel language."""
    program = compile_program([case.function for case in CASES], target=Target.USER)
    stops = [Stub(name, "text", lambda _symbols: "hlt") for name in ("trap_failed", "trap_message")]
    image = link(program, base=BASE, stubs=stops, entry=CASES[0].function.__name__, user=True)
    segments = [(segment.address, segment.content, segment.memory_size) for segment in image.segments]
    return Code(segments, image.symbols)


def compile_c() -> Code:
    """The functions in C."""
    with tempfile.TemporaryDirectory(prefix="pithos-bench-") as name:
        table = ", ".join(map(str, byte_functions.CRC_TABLE))
        (Path(name) / "crc_table.h").write_text(f"static const u32 crc_table[256] = {{{table}}};\n")
        output = Path(name) / "functions"
        command = [
            "gcc",
            *C_OPTIONS,
            f"-I{name}",
            "-Wl,--entry=0",
            "-Wl,--build-id=none",
            "-o",
            str(output),
            str(SOURCE),
        ]
        subprocess.run(command, check=True)
        with output.open("rb") as file:
            elf = ELFFile(file)
            loaded = [segment for segment in elf.iter_segments() if segment["p_type"] == "PT_LOAD"]
            segments = [(each["p_vaddr"], each.data(), each["p_memsz"]) for each in loaded]
            table_section: Any = elf.get_section_by_name(".symtab")
            symbols = {each.name: each["st_value"] for each in table_section.iter_symbols()}
    return Code(segments, symbols)


def measure() -> Iterator[Figure]:
    """The ratio of each function, and their geometric mean. Raises RuntimeError when two twins do not do the same."""
    ours, in_c = compile_ours(), compile_c()
    ratios = []
    for case in CASES:
        left, right = ours.call(case), in_c.call(case)
        if (left.result, left.arena) != (right.result, right.arena):
            raise RuntimeError(f"{case.title}: the function in C does something else")
        ratio = left.instructions / right.instructions
        ratios.append(ratio)
        title = f"{case.title}: {left.instructions:,} instructions, in C {right.instructions:,}"
        yield Figure(title, ratio, "ratio", GOAL_OF_ONE)
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    yield Figure("geometric mean", mean, "ratio", GOAL_OF_ALL)
