"""EmulatedMachine: a machine inside of this process, repeatable to the instruction.

Time is the number of instructions executed, at 1 GHz; while the CPU is halted, time jumps to the next timer interrupt.
The machine only runs while something is awaited of it (`receive`, `wait_end`, `step`): two runs with the same
calls are the same run.
"""

from __future__ import annotations

import asyncio
import copy
import ctypes
import mmap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import unicorn
from unicorn import x86_const as x86

from boot.layout import EXIT_PORT, IO_APIC, KERNEL_BASE, LOCAL_APIC
from codegen.program_file import ProgramFile
from harness import emulator_start
from harness.channel import DOORBELL
from harness.emulator_cpu import RDTSC, REGISTERS, Processor, Stop, StopKind, TripleFault
from harness.emulator_devices import NOTHING, IoApic, LocalApic, Uart
from harness.emulator_hidden import new_processor, set_protected_mode
from harness.errors import HarnessError
from harness.machine import Machine
from harness.physical import MappedMemory
from harness.running import Ended, RunningMachine
from kernel.memory.user_layout import VDSO

if TYPE_CHECKING:
    from unicorn.unicorn_py3.arch.intel import UcIntel
    from unicorn.unicorn_py3.unicorn import UcContext

TIME_OPTIONS = "tsc_khz=1000000 timer_khz=62500"
"""One instruction a nanosecond; the APIC timer counts every 16."""
COM1, COM1_LINE = 0x3F8, 4
COM2, COM2_LINE = 0x2F8, 3
SLICE = 2_000_000
"""Instructions between two looks at the event loop."""
BLOCKED_SLICE = 16
"""Instructions between two tries to deliver an interrupt while interrupts are off."""
FEATURE_LEAF = 1
RANDOM_NUMBERS, XSAVE_ENABLED = 1 << 30, 1 << 27
"""CPUID leaf 1, ECX: RDRAND, OSXSAVE (Intel SDM vol. 2A, table 3-10)."""
XSAVE_CONTROL = 1 << 18
"""CR4.OSXSAVE."""


@cache
def feature_leaf() -> tuple[int, int, int, int]:
    """What Unicorn answers to CPUID with EAX = 1."""
    uc = new_processor()
    uc.mem_map(0, 0x1000)
    uc.mem_write(0, b"\x0f\xa2")
    uc.reg_write(x86.UC_X86_REG_RAX, FEATURE_LEAF)
    uc.emu_start(0, 2)
    rax, rbx, rcx, rdx = (int(uc.reg_read(REGISTERS[name])) for name in ("rax", "rbx", "rcx", "rdx"))
    return rax, rbx, rcx, rdx


class EmulatedMemory(MappedMemory):
    """The guest's memory, which Unicorn and this process share."""

    def __init__(self, size: int) -> None:
        super().__init__(mmap.mmap(-1, size))

    @property
    def address(self) -> int:
        """Where it is in this process."""
        return ctypes.addressof(ctypes.c_char.from_buffer(self._map))


@dataclass(frozen=True)
class _Snapshot:
    memory: bytes
    context: UcContext
    state: dict[str, Any]


class EmulatedMachine(RunningMachine):
    """A machine that Unicorn runs."""

    def __init__(self, machine: Machine, elf: bytes, archive: bytes) -> None:
        memory = EmulatedMemory(machine.memory)
        super().__init__(machine, memory)
        self.uc = new_processor()
        self.uc.mem_map_ptr(0, machine.memory, unicorn.UC_PROT_ALL, memory.address)
        self._idle = 0
        self._ended: Ended | None = None
        self._halted = False
        self._is_paused = False
        self._received = bytearray()
        self._wanted: int | None = None
        self._saved: _Snapshot | None = None
        self.cpu = Processor(self.uc, memory, lambda: self.cpu.executed + self._idle)
        self._connect_devices()
        options = f"{machine.command_line} {TIME_OPTIONS}".strip()
        entry = emulator_start.load(memory, elf, archive, options)
        program = ProgramFile(elf)
        for function in program.functions:
            self._watch_time_stamps(function.address, function.code)
        start, text, end = (program.symbols[name] for name in ("vdso_image", "vdso_text", "vdso_end"))
        self._watch_time_stamps(VDSO + text - start, memory.read(text - KERNEL_BASE, end - text))
        set_protected_mode(self.uc)
        self.cpu.set("rip", entry)
        self.cpu.set("rbx", emulator_start.START_INFO)

    def _connect_devices(self) -> None:
        self.local_apic = LocalApic(self._now)
        self.io_apic = IoApic(self.local_apic)
        self.console_uart = Uart(lambda: self.io_apic.raise_line(COM1_LINE), self._console_output)
        self.channel_uart = Uart(lambda: self.io_apic.raise_line(COM2_LINE), self._channel_output)
        for base, device in ((LOCAL_APIC, self.local_apic), (IO_APIC, self.io_apic)):
            self.uc.mmio_map(base, 4096, _reader(device), None, _writer(device, self.cpu), None)
        self.uc.hook_add(unicorn.UC_HOOK_INSN, self._port_in, None, 1, 0, x86.UC_X86_INS_IN)
        self.uc.hook_add(unicorn.UC_HOOK_INSN, self._port_out, None, 1, 0, x86.UC_X86_INS_OUT)
        self.uc.hook_add(unicorn.UC_HOOK_INSN, self._on_cpuid, None, 1, 0, x86.UC_X86_INS_CPUID)

    def _watch_time_stamps(self, address: int, code: bytes) -> None:
        """Find the RDTSC instructions of one function: Unicorn would answer with the host's time."""
        if RDTSC not in code:
            return
        import capstone

        for found, _, name, _ in capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64).disasm_lite(code, address):
            if name == "rdtsc":
                self.cpu.watch_time_stamp(found)

    def _now(self) -> int:
        """The clock as devices see it: with the instructions of the run under way."""
        return self.cpu.executed + self.cpu.run_so_far + self._idle

    @property
    def clock(self) -> int:
        """Nanoseconds since start."""
        return self.cpu.executed + self._idle

    @property
    def instructions(self) -> int:
        """Instructions executed since start."""
        return self.cpu.executed

    def _console_output(self, value: int) -> None:
        self.console.feed(bytes((value,)))

    def _channel_output(self, value: int) -> None:
        self._received += bytes((value,)) if self.channel is None else self.channel.to_host.take()
        if self._wanted is not None and len(self._received) >= self._wanted:
            self.cpu.stop()

    def _port_in(self, _uc: UcIntel, port: int, size: int, _data: object) -> int:
        if size == 1:
            for base, uart in ((COM1, self.console_uart), (COM2, self.channel_uart)):
                if base <= port < base + 8:
                    return uart.read(port - base)
        return (1 << 8 * size) - 1

    def _port_out(self, _uc: UcIntel, port: int, _size: int, value: int, _data: object) -> None:
        for base, uart in ((COM1, self.console_uart), (COM2, self.channel_uart)):
            if base <= port < base + 8:
                uart.write(port - base, value & NOTHING)
        if port == EXIT_PORT:
            self._ended = Ended(value & NOTHING, "the guest ended the machine")
            self.cpu.stop()

    def _on_cpuid(self, uc: UcIntel, _data: object) -> int:
        """Hide the random number generator, whose numbers would differ from run to run."""
        if uc.reg_read(x86.UC_X86_REG_EAX) != FEATURE_LEAF:
            return 0
        rax, rbx, rcx, rdx = feature_leaf()
        rcx &= ~(RANDOM_NUMBERS | XSAVE_ENABLED)
        if self.cpu.get("cr4") & XSAVE_CONTROL:
            rcx |= XSAVE_ENABLED
        for name, value in (("rax", rax), ("rbx", rbx), ("rcx", rcx), ("rdx", rdx)):
            self.cpu.set(name, value)
        return 1

    def step(self, count: int = 1) -> None:
        """Execute exactly `count` instructions, or fewer if the machine ends or sleeps for ever."""
        target = self.cpu.executed + count
        while self.cpu.executed < target and self._ended is None:
            if not self._advance(target - self.cpu.executed):
                return

    def inject_interrupt(self, vector: int) -> None:
        """Have an interrupt arrive now; it is delivered as soon as the guest lets it."""
        self.local_apic.waiting.add(vector)

    def run_until(self, condition: Callable[[], bool], limit: int = SLICE) -> bool:
        """Run until `condition()`, which is looked at at each event, for about `limit` ns."""
        end = self.clock + limit
        while not condition():
            if self._ended is not None or self.clock >= end or not self._advance(end - self.clock):
                return condition()
        return True

    def _advance(self, limit: int) -> bool:
        """Deliver what waits, then run up to the next event; False when the CPU sleeps for ever."""
        self.local_apic.advance(self.clock)
        vector = self.local_apic.next_vector()
        if vector is not None and self.cpu.can_be_interrupted:
            self.local_apic.acknowledge(vector)
            self._halted = False
            self._deliver(vector, is_exception=False)
            return True
        if self._halted:
            return self._sleep()
        if vector is not None:
            limit = min(limit, BLOCKED_SLICE)
        elif self.local_apic.deadline is not None:
            limit = min(limit, max(self.local_apic.deadline - self.clock, 1))
        try:
            stop = self.cpu.run(limit)
        except TripleFault as fault:
            self._ended = Ended(None, f"triple fault: {fault}")
            return False
        self._handle(stop)
        return True

    def _handle(self, stop: Stop) -> None:
        match stop.kind:
            case StopKind.HALT:
                self._halted = True
            case StopKind.EXCEPTION:
                self._deliver(stop.vector, is_exception=True)
            case StopKind.SYSTEM_CALL:
                self.cpu.enter_system_call()
            case _:
                pass

    def _deliver(self, vector: int, *, is_exception: bool) -> None:
        try:
            self.cpu.deliver(vector, is_exception=is_exception)
        except TripleFault as fault:
            self._ended = Ended(None, f"triple fault: {fault}")

    def _sleep(self) -> bool:
        """Halted: let time pass until the timer fires."""
        deadline = self.local_apic.deadline
        if deadline is None or not self.cpu.can_be_interrupted:
            return False
        self._idle += max(deadline - self.clock, 0)
        return True

    async def _run(self, condition: Callable[[], bool]) -> None:
        """Run until `condition()`, with a look at the event loop now and then. Raises MachineDied."""
        while not condition():
            if self._is_paused:
                await asyncio.sleep(0.01)
                continue
            before = self.cpu.executed
            if not self.run_until(condition) and self._ended is not None:
                raise self.died(f"the machine ended: {self._ended.reason}")
            await asyncio.sleep(0 if self.cpu.executed - before > SLICE // 2 else 0.001)

    async def send(self, content: bytes) -> None:
        if self.channel is None:
            self.channel_uart.receive(content)
            return
        while content:
            done = self.channel.to_guest.put(content)
            content = content[done:]
            if done:
                self.channel_uart.receive(DOORBELL)
            else:
                self.run_until(lambda: False)

    async def receive(self, length: int) -> bytes:
        self._wanted = length
        try:
            await self._run(lambda: len(self._received) >= length)
        finally:
            self._wanted = None
        taken = bytes(self._received[:length])
        del self._received[:length]
        return taken

    async def type_text(self, content: bytes) -> None:
        self.console_uart.receive(content)

    async def registers(self) -> Mapping[str, int]:
        return {name: self.cpu.get(name) for name in REGISTERS}

    async def pause(self) -> None:
        self._is_paused = True

    async def resume(self) -> None:
        self._is_paused = False

    def _devices(self) -> dict[str, object]:
        return {
            "local_apic": self.local_apic,
            "io_apic": self.io_apic,
            "console_uart": self.console_uart,
            "channel_uart": self.channel_uart,
        }

    async def save(self) -> None:
        state: dict[str, Any] = {name: _state_of(device) for name, device in self._devices().items()}
        state["machine"] = (self.cpu.executed, self._idle, self._ended, self._halted, bytes(self._received))
        self._saved = _Snapshot(self.memory.read(0, self.memory.size), self.uc.context_save(), state)

    async def rewind(self) -> None:
        if self._saved is None:
            raise HarnessError("nothing was saved: call save() first")
        self.memory.write(0, self._saved.memory)
        self.uc.context_restore(self._saved.context)
        self.uc.ctl_flush_tb()
        self.cpu.set("cr3", self.cpu.get("cr3"))  # forgets translations
        for name, device in self._devices().items():
            vars(device).update(copy.deepcopy(self._saved.state[name]))
        executed, self._idle, self._ended, self._halted, channel = self._saved.state["machine"]
        self.cpu.executed = executed
        self._received[:] = channel
        self.guest.forget()

    async def quit(self) -> None:
        self._ended = self._ended or Ended(None, "it was switched off")
        self.console.close()

    async def wait_end(self) -> Ended:
        while self._ended is None:
            if not self.run_until(lambda: False) and self._halted and self.local_apic.deadline is None:
                return Ended(None, "the guest sleeps for ever")
            await asyncio.sleep(0)
        return self._ended


def _state_of(device: object) -> dict[str, Any]:
    """The fields of a device that change."""
    fixed = (LocalApic,)
    return {
        name: copy.deepcopy(value)
        for name, value in vars(device).items()
        if not callable(value) and not isinstance(value, fixed)
    }


def _reader(device: LocalApic | IoApic) -> Callable[[unicorn.Uc, int, int, object], int]:
    def read(_uc: unicorn.Uc, offset: int, _size: int, _data: object) -> int:
        return device.read(offset) & 0xFFFFFFFF

    return read


def _writer(device: LocalApic | IoApic, cpu: Processor) -> Callable[[unicorn.Uc, int, int, int, object], None]:
    def write(_uc: unicorn.Uc, offset: int, _size: int, value: int, _data: object) -> None:
        device.write(offset, value)
        cpu.stop()  # a timer may have been set to fire before the run under way would end

    return write


async def start_emulator(machine: Machine) -> EmulatedMachine:
    """Load a machine; it runs when something is awaited of it. Raises HarnessError."""
    if machine.disk is not None:
        raise HarnessError("the emulator has no disk: leave out --disk, or use --backend qemu")
    machine.check_files()
    archive = machine.archive.read_bytes() if machine.archive else b""
    return EmulatedMachine(machine, machine.kernel.read_bytes(), archive)
