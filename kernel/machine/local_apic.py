"""The local APIC: end of interrupt, interrupts between processors, and the timer (SDM vol. 3A, chapter 10).

The timer counts down from an initial count at the bus clock divided by 16; clock.py finds out how fast that
is.
"""

from __future__ import annotations

from boot.layout import DIRECT_MAP, LOCAL_APIC
from codegen.lang import (
    Nanoseconds,
    bit,
    bits,
    from_raw,
    reference,
    register,
    replace,
    struct,
    to_raw,
    u32,
    u64,
)
from kernel.machine.msr import ApicBase, Msr, read_msr, write_msr
from kernel.machine.trap import Vector

DIVIDE_BY_16: u32 = 0x3
"""Divide configuration register (SDM vol. 3A, figure 10-10)."""

DELIVER_NON_MASKABLE = 4
DELIVER_INIT = 5
DELIVER_START = 6
"""Delivery modes (SDM vol. 3A, sections 10.5.1 and 10.6.1); 0 is an ordinary interrupt."""

SEND_SPINS = 100_000

NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000
HIGHEST_COUNT: u64 = 0xFFFFFFFF


@struct(size=4096)
class LocalApic:
    """The registers in memory (SDM vol. 3A, table 10-1), of the processor that reads them."""

    identifier: u32 = register(0x20)
    task_priority: u32 = register(0x80)
    end_of_interrupt: u32 = register(0xB0)
    spurious_vector: u32 = register(0xF0)
    command_low: u32 = register(0x300)
    command_high: u32 = register(0x310)
    timer_entry: u32 = register(0x320)
    line_0_entry: u32 = register(0x350)
    line_1_entry: u32 = register(0x360)
    error_entry: u32 = register(0x370)
    initial_count: u32 = register(0x380)
    current_count: u32 = register(0x390)
    divide: u32 = register(0x3E0)
    padding: u32 = register(0xFFC)


@bits(u32)
class LocalVector:
    """An entry of the local vector table (SDM vol. 3A, figure 10-8)."""

    vector: u32 = bits(0, 8)
    delivery: u32 = bits(8, 11)
    masked: bool = bit(16)
    periodic: bool = bit(17)


@bits(u32)
class SpuriousVector:
    """The spurious-interrupt vector register (SDM vol. 3A, figure 10-23)."""

    vector: u32 = bits(0, 8)
    enabled: bool = bit(8)


@bits(u32)
class CommandLow:
    """The low half of the interrupt command register (SDM vol. 3A, figure 10-12)."""

    vector: u32 = bits(0, 8)
    delivery: u32 = bits(8, 11)
    pending: bool = bit(12)
    asserted: bool = bit(14)


@bits(u32)
class Identifier:
    """Identifier, and the high half of the command register (SDM vol. 3A, figures 10-6 and 10-12)."""

    number: u32 = bits(24, 32)


@struct
class TimerRate:
    """How fast the timers of all processors count; set once by clock.py."""

    kilohertz: u64 = 0


TIMER_RATE = TimerRate()


def _device() -> LocalApic:
    return reference(LocalApic, DIRECT_MAP + LOCAL_APIC)


def enable_local_apic() -> None:
    """Switch this processor's local APIC on; of its own sources only LINT1, the non-maskable interrupt of a PC."""
    base = from_raw(ApicBase, read_msr(Msr.APIC_BASE))
    write_msr(Msr.APIC_BASE, to_raw(replace(base, enabled=True)))
    device = _device()
    masked: u32 = to_raw(LocalVector(masked=True))
    device.timer_entry = masked
    device.line_0_entry = masked
    device.line_1_entry = to_raw(LocalVector(delivery=DELIVER_NON_MASKABLE))
    device.error_entry = masked
    device.task_priority = 0
    device.spurious_vector = to_raw(SpuriousVector(vector=u32(Vector.SPURIOUS), enabled=True))


def local_apic_id() -> u32:
    """This processor's address for interrupts."""
    return from_raw(Identifier, _device().identifier).number


def end_of_interrupt() -> None:
    """Let the next interrupt of this or a lower priority come. Once for each interrupt but spurious ones."""
    _device().end_of_interrupt = 0


def send_interrupt(processor: u32, vector: Vector) -> None:
    """Raise `vector` on the processor with this local APIC id. Interrupts are off."""
    send_command(processor, CommandLow(vector=u32(vector), asserted=True))


def send_non_maskable(processor: u32) -> None:
    """Raise `Vector.NON_MASKABLE` there. Interrupts are off."""
    send_command(processor, CommandLow(delivery=DELIVER_NON_MASKABLE, asserted=True))


def send_init(processor: u32) -> None:
    """Reset a processor, which then waits for `send_start`. Interrupts are off."""
    send_command(processor, CommandLow(delivery=DELIVER_INIT, asserted=True))


def send_start(processor: u32, page: u32) -> None:
    """Let a processor that was reset begin in real mode at the first byte of a page below 1 MiB. Interrupts are off."""
    send_command(processor, CommandLow(vector=page, delivery=DELIVER_START, asserted=True))


def send_command(processor: u32, command: CommandLow) -> None:
    """Write the interrupt command register, and wait a bounded time until the command is on its way."""
    device = _device()
    device.command_high = to_raw(Identifier(number=processor))
    device.command_low = to_raw(command)
    for _ in range(SEND_SPINS):
        if not from_raw(CommandLow, device.command_low).pending:
            return


def timer_count(duration: Nanoseconds) -> u32:
    """The count that lasts `duration`: at least 1, at most what the register holds."""
    longest = HIGHEST_COUNT * NANOSECONDS_PER_MILLISECOND // TIMER_RATE.kilohertz
    shortened = min(u64(duration), longest)
    milliseconds = shortened // NANOSECONDS_PER_MILLISECOND
    rest = shortened % NANOSECONDS_PER_MILLISECOND
    count = milliseconds * TIMER_RATE.kilohertz + rest * TIMER_RATE.kilohertz // NANOSECONDS_PER_MILLISECOND
    return u32(max(count, 1))


def start_periodic_timer(period: Nanoseconds) -> None:
    """Raise `Vector.TIMER` on this processor again and again.

    The timer is stopped first: it may have been set once for a few nanoseconds, and would begin to repeat them.
    """
    device = _device()
    device.initial_count = 0
    device.divide = DIVIDE_BY_16
    device.timer_entry = to_raw(LocalVector(vector=u32(Vector.TIMER), periodic=True))
    device.initial_count = timer_count(period)


def start_timer_once(delay: Nanoseconds) -> None:
    """Raise `Vector.TIMER` on this processor once; takes the place of what was set before."""
    device = _device()
    device.divide = DIVIDE_BY_16
    device.timer_entry = to_raw(LocalVector(vector=u32(Vector.TIMER)))
    device.initial_count = timer_count(delay)


def stop_timer() -> None:
    """No more timer interrupts on this processor."""
    device = _device()
    device.timer_entry = to_raw(LocalVector(masked=True))
    device.initial_count = 0


def start_count() -> None:
    """Begin to count down from the highest value without interrupts, to be measured."""
    device = _device()
    device.divide = DIVIDE_BY_16
    device.timer_entry = to_raw(LocalVector(masked=True))
    device.initial_count = u32(HIGHEST_COUNT)


def elapsed_count() -> u64:
    """How far the timer has counted since `start_count`."""
    return HIGHEST_COUNT - u64(_device().current_count)
