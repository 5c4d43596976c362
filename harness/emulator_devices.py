"""The devices of the emulated machine: what docs/internals.md lists under "Hardware that the kernel uses"."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

NOTHING = 0xFF
"""What a port without a device reads as."""


class LocalApic:
    """The local APIC with its timer, and the vectors that wait (Intel SDM vol. 3A, chapter 10)."""

    ID, TASK_PRIORITY, END_OF_INTERRUPT, COMMAND_LOW = 0x20, 0x80, 0xB0, 0x300
    TIMER_ENTRY, INITIAL_COUNT, CURRENT_COUNT = 0x320, 0x380, 0x390
    MASKED, PERIODIC = 1 << 16, 1 << 17
    FIXED_TO_SELF = 0x4000
    DIVISOR = 16

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._registers: dict[int, int] = {self.TIMER_ENTRY: self.MASKED}
        self.waiting: set[int] = set()
        self._in_service: list[int] = []
        self.deadline: int | None = None
        """When the timer fires next, on the clock."""
        self._started = 0

    def read(self, offset: int) -> int:
        """A register, as the guest reads it."""
        if offset == self.CURRENT_COUNT:
            return self._current_count()
        return self._registers.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """A register, as the guest writes it."""
        if offset == self.END_OF_INTERRUPT:
            if self._in_service:
                self._in_service.pop()
            return
        self._registers[offset] = value
        if offset == self.INITIAL_COUNT:
            self._started = self._clock()
            self.deadline = self._started + value * self.DIVISOR if value else None
        elif offset == self.COMMAND_LOW and value & self.FIXED_TO_SELF:
            self.waiting.add(value & 0xFF)

    def _current_count(self) -> int:
        initial = self._registers.get(self.INITIAL_COUNT, 0)
        elapsed = (self._clock() - self._started) // self.DIVISOR
        if self._registers[self.TIMER_ENTRY] & self.PERIODIC and initial:
            return initial - elapsed % initial
        return max(initial - elapsed, 0)

    def advance(self, now: int) -> None:
        """Raise the timer's interrupt if its time has come."""
        if self.deadline is None or now < self.deadline:
            return
        entry = self._registers[self.TIMER_ENTRY]
        if not entry & self.MASKED:
            self.waiting.add(entry & 0xFF)
        if entry & self.PERIODIC:
            period = self._registers[self.INITIAL_COUNT] * self.DIVISOR
            self.deadline += (now - self.deadline) // period * period + period
            self._started = self.deadline - period
        else:
            self.deadline = None

    def next_vector(self) -> int | None:
        """The vector that may interrupt now: above the task priority and what is being served."""
        if not self.waiting:
            return None
        highest = max(self.waiting)
        served = max(self._in_service, default=0) >> 4
        threshold = max(served, self._registers.get(self.TASK_PRIORITY, 0) >> 4)
        return highest if highest >> 4 > threshold else None

    def acknowledge(self, vector: int) -> None:
        """The processor begins to serve `vector`."""
        self.waiting.discard(vector)
        self._in_service.append(vector)


class IoApic:
    """Redirection of interrupt lines to vectors (Intel 82093AA data sheet)."""

    INDEX, WINDOW, TABLE = 0x00, 0x10, 0x10
    LINES = 24
    MASKED = 1 << 16

    def __init__(self, local_apic: LocalApic) -> None:
        self._local_apic = local_apic
        self._index = 0
        self._registers = {self.TABLE + 2 * line: self.MASKED for line in range(self.LINES)}
        self._registers[1] = (self.LINES - 1) << 16 | 0x11

    def read(self, offset: int) -> int:
        """A register, as the guest reads it."""
        return self._registers.get(self._index, 0) if offset == self.WINDOW else self._index

    def write(self, offset: int, value: int) -> None:
        """A register, as the guest writes it."""
        if offset == self.WINDOW:
            self._registers[self._index] = value
        else:
            self._index = value & 0xFF

    def raise_line(self, line: int) -> None:
        """An edge on an interrupt line."""
        entry = self._registers.get(self.TABLE + 2 * line, self.MASKED)
        if not entry & self.MASKED:
            self._local_apic.waiting.add(entry & 0xFF)


class Uart:
    """A 16550 (National Semiconductor PC16550D): what is written goes to `output` at once."""

    DATA, INTERRUPT_ENABLE, INTERRUPT_ID, LINE_CONTROL, MODEM_CONTROL, LINE_STATUS = 0, 1, 2, 3, 4, 5
    MODEM_STATUS, SCRATCH = 6, 7
    DIVISOR_LATCH = 1 << 7
    RECEIVE_ENABLED, DATA_READY, TRANSMITTER_EMPTY = 1, 1, 0x60
    NO_INTERRUPT, DATA_INTERRUPT = 0x01, 0x04
    CARRIER = 0xB0
    FIFO = 16

    def __init__(self, raise_interrupt: Callable[[], None], output: Callable[[int], None]) -> None:
        self._raise_interrupt = raise_interrupt
        self._output = output
        self._registers = [0] * 8
        self._fifo: deque[int] = deque()
        self._input: deque[int] = deque()

    def receive(self, content: bytes) -> None:
        """Bytes arrive from outside."""
        self._input.extend(content)
        if not self._fifo:
            self._refill()

    def _refill(self) -> None:
        while self._input and len(self._fifo) < self.FIFO:
            self._fifo.append(self._input.popleft())
        if self._fifo and self._registers[self.INTERRUPT_ENABLE] & self.RECEIVE_ENABLED:
            self._raise_interrupt()

    def read(self, register: int) -> int:
        """A register, as the guest reads it."""
        if register == self.DATA and not self._registers[self.LINE_CONTROL] & self.DIVISOR_LATCH:
            value = self._fifo.popleft() if self._fifo else 0
            if not self._fifo:
                self._refill()
            return value
        if register == self.LINE_STATUS:
            return self.TRANSMITTER_EMPTY | (self.DATA_READY if self._fifo else 0)
        if register == self.INTERRUPT_ID:
            enabled = self._registers[self.INTERRUPT_ENABLE] & self.RECEIVE_ENABLED
            return self.DATA_INTERRUPT if self._fifo and enabled else self.NO_INTERRUPT
        if register == self.MODEM_STATUS:
            return self.CARRIER
        return self._registers[register]

    def write(self, register: int, value: int) -> None:
        """A register, as the guest writes it."""
        latched = bool(self._registers[self.LINE_CONTROL] & self.DIVISOR_LATCH)
        if register in (self.DATA, self.INTERRUPT_ENABLE) and latched:
            return
        if register == self.DATA:
            self._output(value)
            return
        self._registers[register] = value
        if register == self.INTERRUPT_ENABLE and self._fifo and value & self.RECEIVE_ENABLED:
            self._raise_interrupt()
