"""How fast the time-stamp counter and the local APIC's timer count: told by CPUID, or measured against the PIT.

Under an emulator a processor can lose its turn at any instruction. So the counters are read together, bracketed by
two readings of the TSC, and of some tries the one with the narrowest bracket counts. Every loop is bounded.
"""

from __future__ import annotations

from codegen.lang import local, struct, u8, u16, u64
from kernel.machine.cpuid import FEATURES, CpuidResult, read_cpuid
from kernel.machine.instructions import read_time_stamp
from kernel.machine.local_apic import elapsed_count, start_count, stop_timer
from kernel.machine.port import read_port, write_port

DEFAULT_TSC_KILOHERTZ: u64 = 1_000_000
DEFAULT_TIMER_KILOHERTZ: u64 = 62_500
"""What QEMU's emulator counts: 1 GHz, and 1 GHz divided by 16."""

HYPERVISOR_LEAF = 0x40000000
HYPERVISOR_FREQUENCY_LEAF = 0x40000010
"""The frequencies as VMware, KVM and others tell them: kHz of the TSC in EAX, of the APIC bus in EBX."""

CRYSTAL_LEAF = 0x15
"""TSC and core crystal clock (SDM vol. 2A, table 3-8): rate = ECX * EBX / EAX."""

PIT_HERTZ: u64 = 1_193_182
PIT_START_COUNT: u64 = 0xF000
PIT_WINDOW_COUNT: u64 = 9_546
"""8 ms."""

PIT_CHANNEL_0: u16 = 0x40
PIT_COMMAND: u16 = 0x43
ONE_SHOT: u8 = 0x30
LATCH_COUNT: u8 = 0x00
READ_BACK_STATUS: u8 = 0xE2
PIT_OUTPUT: u8 = 0x80
"""Intel 8254 data sheet: channel 0 in mode 0, the counter latch command, and the read-back command, whose status byte
tells by OUT whether the count has reached 0."""

TRIES = 5
POLLS = 100_000
"""Bound of the waiting loops: some 100 ms of device accesses."""

TIMER_WINDOW: u64 = 5 * DEFAULT_TIMER_KILOHERTZ
"""5 ms."""


@struct
class Sample:
    """The counters at one moment, as far as the bracket is wide."""

    ticks: u64 = 0
    pit: u64 = 0
    timer: u64 = 0
    bracket: u64 = 0xFFFFFFFFFFFFFFFF

    def take(self) -> None:
        """Read the counters, some times; keep the readings that were closest together."""
        for _ in range(TRIES):
            before = read_time_stamp()
            pit = read_pit()
            timer = elapsed_count()
            bracket = read_time_stamp() - before
            if bracket < self.bracket:
                self.ticks = before
                self.pit = pit
                self.timer = timer
                self.bracket = bracket


def told_rates() -> tuple[u64, u64]:
    """The rates in kHz of the TSC and of the timer, as CPUID tells them; 0 for what it does not."""
    answer = local(CpuidResult)
    if FEATURES.hypervisor:
        read_cpuid(HYPERVISOR_LEAF, 0, answer)
        if answer.eax >= HYPERVISOR_FREQUENCY_LEAF and answer.eax < HYPERVISOR_LEAF + 0x1000:
            read_cpuid(HYPERVISOR_FREQUENCY_LEAF, 0, answer)
            return u64(answer.eax), u64(answer.ebx) // 16
    if FEATURES.highest_leaf >= CRYSTAL_LEAF:
        read_cpuid(CRYSTAL_LEAF, 0, answer)
        if answer.eax != 0 and answer.ebx != 0 and answer.ecx != 0:
            crystal = u64(answer.ecx)
            return crystal * u64(answer.ebx) // u64(answer.eax) // 1000, crystal // 16 // 1000
    return 0, 0


def measured_rates() -> tuple[u64, u64]:
    """The rates in kHz, counted while the PIT counts 8 ms. Without a PIT the timer is taken to be QEMU's.

    Repeated, up to `TRIES` times, if the processor was away so long meanwhile that the PIT has begun anew.
    """
    tsc, timer = measure()
    for _ in range(TRIES):
        if not has_pit_expired():
            break
        tsc, timer = measure()
    return tsc, timer


def measure() -> tuple[u64, u64]:
    """`measured_rates`, once."""
    write_port(PIT_COMMAND, ONE_SHOT)
    write_port(PIT_CHANNEL_0, u8(PIT_START_COUNT & 0xFF))
    write_port(PIT_CHANNEL_0, u8(PIT_START_COUNT >> 8))
    start_count()
    first = local(Sample)
    first.take()
    has_pit = 0 < first.pit <= PIT_START_COUNT
    wait_for_window(first, has_pit)
    last = local(Sample)
    last.take()
    stop_timer()
    ticks = last.ticks - first.ticks
    timer = last.timer - first.timer
    if has_pit and last.pit < first.pit and timer > 0:
        elapsed = (first.pit - last.pit) * 1000
        return max(ticks * PIT_HERTZ // elapsed, 1), max(timer * PIT_HERTZ // elapsed, 1)
    if timer > 0:
        return max(ticks * DEFAULT_TIMER_KILOHERTZ // timer, 1), DEFAULT_TIMER_KILOHERTZ
    return DEFAULT_TSC_KILOHERTZ, DEFAULT_TIMER_KILOHERTZ


def wait_for_window(first: Sample, has_pit: bool) -> None:
    """Wait until the PIT, or else the timer, has gone on far enough from `first`, or for `POLLS` polls."""
    for _ in range(POLLS):
        if has_pit:
            count = read_pit()
            if count > first.pit or first.pit - count >= PIT_WINDOW_COUNT:
                return
        elif elapsed_count() - first.timer >= TIMER_WINDOW:
            return


def has_pit_expired() -> bool:
    """Whether channel 0 has counted down to 0, and gone on from 0xffff, since its start; true without a PIT, too."""
    write_port(PIT_COMMAND, READ_BACK_STATUS)
    return read_port(PIT_CHANNEL_0) & PIT_OUTPUT != 0


def read_pit() -> u64:
    """The count of channel 0; 0xffff where there is no PIT."""
    write_port(PIT_COMMAND, LATCH_COUNT)
    low = read_port(PIT_CHANNEL_0)
    return u64(low) | u64(read_port(PIT_CHANNEL_0)) << 8
