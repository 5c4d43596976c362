"""Where the instructions of a figure of user/bench go: every block that the emulator runs, told by function.

`user/bench` reads the clock around what it measures and then reports, so what was run between the last two calls of
its `now` before a `report_time` belongs to the figure of that name. The emulator runs the same instructions as QEMU
with `-icount`; code that was inlined counts for the function that it was written in.
"""

from __future__ import annotations

import io
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import capstone
import unicorn
from elftools.elf.elffile import ELFFile
from unicorn import x86_const as x86

from bench import guest
from codegen.program_file import ProgramFile
from harness.build import ensure_kernel, write_archive
from harness.emulator import EmulatedMachine
from harness.machine import Backend, Machine

NOW = "user.bench.measure.now"
REPORT = "user.bench.measure.report_time"
KERNEL_HALF = 1 << 63

Block = tuple[int, int]
"""The address and the size of instructions that run one after the other."""


@dataclass
class Span:
    """What was run between two calls of `now`."""

    blocks: Counter[Block] = field(default_factory=Counter)


@dataclass(frozen=True)
class Row:
    """What one function took, for one of what was measured."""

    function: str
    instructions: float
    calls: float
    """How often it was entered, where it was not inlined."""
    share: float


@dataclass(frozen=True)
class Profile:
    """One figure, the largest part first."""

    name: str
    rows: tuple[Row, ...]

    @property
    def instructions(self) -> float:
        """All of them, for one of what was measured."""
        return sum(row.instructions for row in self.rows)


class Programs:
    """The kernel and the program of ring 3: which instructions are at an address, and whose they are."""

    def __init__(self, kernel: bytes, program: bytes) -> None:
        self.program = ProgramFile(program)
        files = ProgramFile(kernel), self.program
        self._kernel_lines, self._program_lines = (file.line_reader() for file in files)
        self._code = {function.address: function.code for file in files for function in file.functions}
        self._segments = [segment for content in (program, kernel) for segment in segments(content)]
        self._decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)

    def read(self, address: int, length: int) -> bytes:
        """What stands at an address at the start; nothing where no program is."""
        for start, content in self._segments:
            if start <= address < start + len(content):
                return content[address - start : address - start + length]
        return b""

    def is_entry(self, address: int) -> bool:
        """Whether a function begins there."""
        return address in self._code

    def functions_of(self, block: Block) -> Iterator[str]:
        """The function of each instruction of a block."""
        address, size = block
        for at, _size, _name, _operands in self._decoder.disasm_lite(self.read(address, size), address):
            yield self._function_at(at)

    def _function_at(self, address: int) -> str:
        is_kernel = address >= KERNEL_HALF
        frames = (self._kernel_lines if is_kernel else self._program_lines).frames(address)
        if not frames:
            return "(elsewhere)"
        return frames[0].function if is_kernel else f"ring 3: {frames[0].function}"


def segments(elf: bytes) -> list[tuple[int, bytes]]:
    """The loaded parts of a program: where each is, and its content."""
    return [
        (part["p_vaddr"], part.data())
        for part in ELFFile(io.BytesIO(elf)).iter_segments()
        if part["p_type"] == "PT_LOAD"
    ]


class Recorder:
    """Counts the blocks that an emulated machine runs, from one call of `now` to the next."""

    def __init__(self, machine: EmulatedMachine, programs: Programs) -> None:
        self._machine = machine
        self._programs = programs
        self._now = programs.program.symbols[NOW]
        self._report = programs.program.symbols[REPORT]
        self._running, self._before = Span(), Span()
        self.profiles: dict[str, Profile] = {}
        machine.uc.hook_add(unicorn.UC_HOOK_BLOCK, self._on_block)

    def _on_block(self, _uc: unicorn.Uc, address: int, size: int, _data: object) -> None:
        if address == self._now:
            self._before, self._running = self._running, Span()
        elif address == self._report:
            self._keep()
        self._running.blocks[address, size] += 1

    def _keep(self) -> None:
        """The last span is the figure that the program reports: its name and how many there were are arguments."""
        registers = (x86.UC_X86_REG_RDI, x86.UC_X86_REG_RSI, x86.UC_X86_REG_RCX)
        name_at, length, count = (int(self._machine.uc.reg_read(register)) for register in registers)
        name = self._programs.read(name_at, length).decode()
        self.profiles[name] = self._profile(name, self._before, count)

    def _profile(self, name: str, span: Span, count: int) -> Profile:
        taken: Counter[str] = Counter()
        calls: Counter[str] = Counter()
        for block, times in span.blocks.items():
            functions = list(self._programs.functions_of(block))
            for function in functions:
                taken[function] += times
            if functions and self._programs.is_entry(block[0]):
                calls[functions[0]] += times
        total = sum(taken.values())
        rows = (
            Row(function, number / count, calls[function] / count, number / total)
            for function, number in taken.most_common()
        )
        return Profile(name, tuple(rows))


GROUPS = {
    "calls": ("unknown_call", "getppid"),
    "memory": ("page_fault", "mmap_munmap"),
    "threads": ("thread", "futex_trip"),
    "processes": ("fork_exit", "fork_exec", "pipe_trip"),
    "files": ("pread", "pwrite", "zero", "null", "pipe_block", "listing"),
    "sockets": ("unix_trip", "unix_datagram_trip", "socketpair", "unix_rights", "unix_block"),
    "containers": ("container",),
}
"""Which figures each part of user/bench prints."""


async def measure(names: Iterable[str]) -> list[Profile]:
    """The profiles of the figures `names` of user/bench; of all when there are none. Raises KeyError."""
    group_of = {figure: group for group, figures in GROUPS.items() for figure in figures}
    wanted = list(names) or list(group_of)
    groups = sorted({group_of[name] for name in wanted})
    with tempfile.TemporaryDirectory(prefix="pithos-bench-") as name:
        guest.write_root(Path(name))
        program = (Path(name) / "bin" / "bench").read_bytes()
        archive = write_archive({"bench": Path(name)}, print)
    kernel = ensure_kernel()
    running = await Machine(kernel=kernel, archive=archive, backend=Backend.EMULATOR).start()
    assert isinstance(running, EmulatedMachine)
    recorder = Recorder(running, Programs(kernel.read_bytes(), program))
    try:
        for group in groups:
            await guest.output_of(running.guest, ["/bin/bench", group])
    finally:
        await running.quit()
    return [recorder.profiles[name] for name in wanted]
