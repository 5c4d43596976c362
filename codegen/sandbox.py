"""A linked ring-3 image in the Unicorn CPU emulator: memory, one call at a time, and tracebacks.

No operating system is there. Traps arrive in two stubs that the sandbox brings: `trap_message` notes the
text, and `trap_failed` stops the CPU.
"""

from __future__ import annotations

import struct

import unicorn
from unicorn import x86_const

from codegen.image import PAGE, PF_R, PF_W, PF_X, Image
from codegen.lang import Panic, TrapKind
from codegen.lines import ASSEMBLY
from codegen.linker import align
from codegen.stubs import Stub

STACK_TOP = 0x7000_0000_0000
STACK_SIZE = 1 << 20
HEAP_START = 0x1000_0000_0000
ENTRY = "codegen_run_entry"
"""The function that `emulate` makes to call another; no part of tracebacks."""

TIME_LIMIT_SECONDS = 20
DEEPEST_TRACEBACK = 64

STUBS = (
    Stub("trap_failed", "text", lambda _symbols: "hlt"),
    Stub(
        "trap_message",
        "text",
        lambda symbols: (
            f"""
            movabs rax, {symbols["trap_text"]:#x}
            mov [rax], rdi
            mov [rax + 8], rsi
            ret
        """
        ),
    ),
    Stub("trap_text", "data", lambda _symbols: ".quad 0, 0"),
    Stub("call_finished", "text", lambda _symbols: "hlt", alignment=16),
)


def _permissions(flags: int) -> int:
    """Unicorn's permissions for the flags of a program header."""
    pairs = ((PF_R, unicorn.UC_PROT_READ), (PF_W, unicorn.UC_PROT_WRITE), (PF_X, unicorn.UC_PROT_EXEC))
    return sum(permission for flag, permission in pairs if flags & flag)


class EmulationError(Exception):
    """The code did what no correct code does: a wild access, an invalid instruction, or no end."""


class Sandbox:
    """The memory of one image and a CPU to run it."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._lines = image.line_reader()
        self._cpu = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
        for segment in image.segments:
            start = segment.address & -PAGE
            size = align(segment.address + segment.memory_size, PAGE) - start
            self._cpu.mem_map(start, size, _permissions(segment.flags))
            self._cpu.mem_write(segment.address, segment.content)
        self._cpu.mem_map(STACK_TOP - STACK_SIZE, STACK_SIZE, _permissions(PF_R | PF_W))
        self._heap = self._heap_end = HEAP_START

    def allocate(self, size: int, alignment: int = 16) -> int:
        """The address of `size` fresh zero bytes."""
        address = align(self._heap, alignment)
        self._heap = address + size
        if self._heap > self._heap_end:
            grown = align(self._heap, 1 << 16)
            self._cpu.mem_map(self._heap_end, grown - self._heap_end, _permissions(PF_R | PF_W))
            self._heap_end = grown
        return address

    def read(self, address: int, size: int) -> bytes:
        return bytes(self._cpu.mem_read(address, size))

    def write(self, address: int, content: bytes) -> None:
        self._cpu.mem_write(address, content)

    def call(self, address: int, *arguments: int) -> int:
        """Call the function at `address` (System V convention); its rax. Raises Panic when it traps."""
        registers = (x86_const.UC_X86_REG_RDI, x86_const.UC_X86_REG_RSI, x86_const.UC_X86_REG_RDX)
        for register, argument in zip(registers, arguments, strict=False):
            self._cpu.reg_write(register, argument)
        finished = self._image.symbols["call_finished"]
        stack = STACK_TOP - 64
        self.write(stack - 8, struct.pack("<Q", finished))
        self._cpu.reg_write(x86_const.UC_X86_REG_RSP, stack - 8)
        self._cpu.reg_write(x86_const.UC_X86_REG_RBP, 0)
        try:
            self._cpu.emu_start(address, finished, timeout=TIME_LIMIT_SECONDS * 1_000_000)
        except unicorn.UcError as error:
            raise EmulationError(self._describe(str(error))) from None
        stopped = self._cpu.reg_read(x86_const.UC_X86_REG_RIP)
        if stopped == finished:
            return int(self._cpu.reg_read(x86_const.UC_X86_REG_RAX))
        if stopped - 1 == self._image.symbols["trap_failed"]:
            raise self._panic()
        raise EmulationError(self._describe(f"no end after {TIME_LIMIT_SECONDS} seconds"))

    def _panic(self) -> Panic:
        kind = TrapKind(self._cpu.reg_read(x86_const.UC_X86_REG_RDI) & 0xFFFFFFFF)
        text, length = struct.unpack("<QQ", self.read(self._image.symbols["trap_text"], 16))
        message = self.read(text, length).decode(errors="replace") if text else ""
        stack = self._cpu.reg_read(x86_const.UC_X86_REG_RSP)
        (caller,) = struct.unpack("<Q", self.read(stack, 8))
        return Panic(kind, message, self._traceback(caller - 1))

    def _traceback(self, address: int) -> tuple[tuple[str, int, str, str], ...]:
        """The frames of the code at `address` and of its callers, outermost first."""
        found: list[tuple[str, int, str, str]] = []
        finished = self._image.symbols["call_finished"]
        frame = self._cpu.reg_read(x86_const.UC_X86_REG_RBP)
        for _ in range(DEEPEST_TRACEBACK):
            frames = self._lines.frames(address)
            found += [entry for entry in frames if entry.file != ASSEMBLY and entry.function != ENTRY]
            try:
                frame, caller = struct.unpack("<QQ", self.read(frame, 16))
            except unicorn.UcError:
                break
            if caller == finished:
                break
            address = caller - 1
        return tuple(reversed(found))

    def _describe(self, problem: str) -> str:
        """The problem with the place where it arose."""
        where = self._cpu.reg_read(x86_const.UC_X86_REG_RIP)
        frames = self._traceback(where)
        lines = [f"{problem} at {where:#x}"]
        for file, line, function, text in frames:
            lines += [f'  File "{file}", line {line}, in {function}', f"    {text}"]
        return "\n".join(lines)
