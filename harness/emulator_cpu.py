"""Processor: a Unicorn CPU that delivers interrupts, exceptions and system calls as the hardware does.

Unicorn runs rings, paging and mode switches itself, but delivers nothing. So it stops at each event, the event is
delivered here by the descriptor tables of the guest, and it goes on (Intel SDM vol. 3A, chapter 6; vol. 2B, SYSCALL).
"""

from __future__ import annotations

import ctypes
import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import unicorn
from unicorn import x86_const as x86

from harness import physical
from harness.emulator_hidden import (
    INHIBIT_INTERRUPTS,
    LEVEL_MASK,
    NO_EXCEPTION,
    context_address,
    counter_and_limit,
    find_places,
)
from harness.physical import PhysicalMemory

if TYPE_CHECKING:
    from unicorn.unicorn_py3.arch.intel import UcIntel

HALT = 0xF4
RDTSC = b"\x0f\x31"
PAGE_FAULT = 14
INVALID_OPCODE = 6
WITH_ERROR_CODE = frozenset({8, 10, 11, 12, 13, 14, 17, 21})
"""Exceptions that push an error code (Intel SDM vol. 3A, table 6-1)."""

STAR, LSTAR, FMASK = 0xC0000081, 0xC0000082, 0xC0000084
INTERRUPT_FLAG = 1 << 9
CLEARED_AT_GATE = 1 << 8 | 1 << 14 | 1 << 16
"""TF, NT and RF (Intel SDM vol. 3A, section 6.12.1.3)."""
RESERVED_FLAG = 1 << 1
INTERRUPT_GATE = 14

REGISTERS = {
    name: getattr(x86, f"UC_X86_REG_{name.upper()}")
    for name in (
        *("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14"),
        *("r15", "rip", "rflags", "cs", "ss", "cr0", "cr2", "cr3", "cr4"),
    )
}


class StopKind(enum.Enum):
    """Why the processor stopped."""

    LIMIT = enum.auto()
    """It did as many instructions as it was told to."""
    HALT = enum.auto()
    EXCEPTION = enum.auto()
    SYSTEM_CALL = enum.auto()
    REQUEST = enum.auto()
    """A device asked for it."""


@dataclass(frozen=True)
class Stop:
    """One stop."""

    kind: StopKind
    vector: int = 0


class TripleFault(Exception):
    """An exception could not be delivered, which resets a real machine."""


class Processor:
    """One CPU."""

    def __init__(self, uc: UcIntel, memory: PhysicalMemory, clock: Callable[[], int]) -> None:
        self.uc = uc
        self.memory = memory
        self.executed = 0
        """Instructions so far, those of the run under way not counted."""
        self._places = find_places()
        self._counter, self._limit = counter_and_limit(uc)
        self._vector: int | None = None
        self._is_system_call = False
        self._is_stopped = False
        self._clock = clock
        uc.hook_add(unicorn.UC_HOOK_INTR, self._on_exception)
        uc.hook_add(unicorn.UC_HOOK_INSN_INVALID, self._on_invalid)
        uc.hook_add(unicorn.UC_HOOK_INSN, self._on_system_call, None, 1, 0, x86.UC_X86_INS_SYSCALL)

    def _on_exception(self, uc: UcIntel, vector: int, _data: object) -> None:
        self._vector = vector
        uc.emu_stop()

    def _on_invalid(self, uc: UcIntel, _data: object) -> bool:
        self._vector = INVALID_OPCODE
        uc.emu_stop()
        return True

    def _on_system_call(self, uc: UcIntel, _data: object) -> None:
        self._is_system_call = True
        uc.emu_stop()

    def watch_time_stamp(self, address: int) -> None:
        """Make the RDTSC at `address` read the emulator's clock, so that runs are repeatable."""
        self.uc.hook_add(unicorn.UC_HOOK_CODE, self._on_time_stamp, None, address, address)

    def _on_time_stamp(self, uc: UcIntel, address: int, size: int, _data: object) -> None:
        now = self._clock() + self._counter.value
        uc.reg_write(x86.UC_X86_REG_RAX, now & 0xFFFFFFFF)
        uc.reg_write(x86.UC_X86_REG_RDX, now >> 32)
        uc.reg_write(x86.UC_X86_REG_RIP, address + size)

    def stop(self) -> None:
        """From a hook: stop after this instruction (emu_stop would have some begin anew)."""
        self._is_stopped = True
        self._limit.value = self._counter.value

    @property
    def run_so_far(self) -> int:
        """Instructions that the run under way has begun; for hooks."""
        return int(self._counter.value)

    def get(self, name: str) -> int:
        """A register by its name in lower case."""
        return int(self.uc.reg_read(REGISTERS[name]))

    def set(self, name: str, value: int) -> None:
        """Change a register."""
        self.uc.reg_write(REGISTERS[name], value)

    def run(self, limit: int) -> Stop:
        """Run at most `limit` instructions."""
        self._vector, self._is_system_call, self._is_stopped = None, False, False
        try:
            self.uc.emu_start(self.get("rip"), 0, 0, limit)
        except unicorn.UcError as error:
            if self._vector is None:
                raise TripleFault(f"{error} at {self.get('rip'):#x}") from None
        begun, limit = self._counter.value, min(limit, self._limit.value)
        self.executed += min(begun, limit)
        if self._vector is not None:
            return Stop(StopKind.EXCEPTION, self._vector)
        if self._is_system_call:
            return Stop(StopKind.SYSTEM_CALL)
        if self._is_stopped:
            return Stop(StopKind.REQUEST)
        if begun <= limit and self._is_behind_halt():
            return Stop(StopKind.HALT)
        return Stop(StopKind.LIMIT)

    def _is_behind_halt(self) -> bool:
        try:
            return self.read(self.get("rip") - 1, 1)[0] == HALT
        except (physical.NotMapped, IndexError):
            return False

    def read(self, address: int, length: int) -> bytes:
        """Memory by virtual address."""
        if not self.get("cr0") >> 31:
            return self.memory.read(address, length)
        content = b""
        root = self.get("cr3")
        while length:
            part = min(length, physical.PAGE - address % physical.PAGE)
            content += self.memory.read(physical.translate(self.memory, root, address), part)
            address, length = address + part, length - part
        return content

    def _read_u64(self, address: int) -> int:
        return int.from_bytes(self.read(address, 8), "little")

    def _push(self, stack: int, value: int) -> int:
        place = physical.translate(self.memory, self.get("cr3"), stack - 8)
        self.memory.write(place, value.to_bytes(8, "little"))
        return stack - 8

    @property
    def level(self) -> int:
        """The current privilege level."""
        return self.get("cs") & LEVEL_MASK

    @property
    def can_be_interrupted(self) -> bool:
        """Whether an interrupt would be delivered now: IF is set, and STI was not just done."""
        if not self.get("rflags") & INTERRUPT_FLAG:
            return False
        context = self.uc.context_save()
        word = ctypes.c_uint32.from_address(context_address(context) + self._places.flags)
        return not word.value & INHIBIT_INTERRUPTS

    def _set_hidden(self, level: int) -> int:
        """Set the privilege level, and take away the exception in flight; returns its error code."""
        context = self.uc.context_save()
        address = context_address(context)
        flags = ctypes.c_uint32.from_address(address + self._places.flags)
        flags.value = flags.value & ~(LEVEL_MASK | INHIBIT_INTERRUPTS) & 0xFFFFFFFF | level
        ctypes.c_int32.from_address(address + self._places.exception).value = NO_EXCEPTION
        error = ctypes.c_uint32.from_address(address + self._places.error).value
        self.uc.context_restore(context)
        return error

    def deliver(self, vector: int, *, is_exception: bool) -> None:
        """Enter the handler of an interrupt or exception through the IDT. Raises TripleFault."""
        try:
            self._deliver(vector, is_exception)
        except (physical.NotMapped, IndexError) as error:
            place = f"{self.get('rip'):#x}"
            raise TripleFault(f"vector {vector} at {place} cannot be delivered: {error}") from None

    def _deliver(self, vector: int, is_exception: bool) -> None:
        _, table, limit, _ = self.uc.reg_read(x86.UC_X86_REG_IDTR)
        if vector * 16 + 15 > limit:
            raise TripleFault(f"vector {vector} at {self.get('rip'):#x} is beyond the IDT")
        low, high = self._read_u64(table + vector * 16), self._read_u64(table + vector * 16 + 8)
        if not low >> 47 & 1:
            raise TripleFault(f"vector {vector} at {self.get('rip'):#x} has no gate")
        handler = (high & 0xFFFFFFFF) << 32 | low >> 48 << 16 | low & 0xFFFF
        old_level, old_stack = self.level, self.get("rsp")
        old = [self.get("ss"), old_stack, self.get("rflags"), self.get("cs"), self.get("rip")]
        error = self._set_hidden(0)
        if is_exception and vector in WITH_ERROR_CODE:
            old.append(error)
        stack = self._stack_for(old_level, low >> 32 & 7, old_stack) & ~15
        for value in old:
            stack = self._push(stack, value)
        flags = self.get("rflags") & ~CLEARED_AT_GATE
        if low >> 40 & 15 == INTERRUPT_GATE:
            flags &= ~INTERRUPT_FLAG
        self.set("cs", low >> 16 & 0xFFFC)
        if old_level:
            self.set("ss", 0)
        self.set("rsp", stack)
        self.set("rflags", flags)
        self.set("rip", handler)

    def _stack_for(self, old_level: int, stack_table_index: int, old_stack: int) -> int:
        """The handler's stack: from the task-state segment, or the one in use (SDM vol. 3A, section 6.14)."""
        _, task_state, _, _ = self.uc.reg_read(x86.UC_X86_REG_TR)
        if stack_table_index:
            return self._read_u64(task_state + 0x24 + 8 * (stack_table_index - 1))
        return self._read_u64(task_state + 4) if old_level else old_stack

    def enter_system_call(self) -> None:
        """What SYSCALL does; Unicorn has moved RIP behind the instruction."""
        flags = self.get("rflags")
        self.set("rcx", self.get("rip"))
        self.set("r11", flags)
        self._set_hidden(0)
        selector = self.uc.msr_read(STAR) >> 32 & 0xFFFC
        self.set("cs", selector)
        self.set("ss", selector + 8)
        self.set("rflags", flags & ~self.uc.msr_read(FMASK) | RESERVED_FLAG)
        self.set("rip", self.uc.msr_read(LSTAR))
