"""Time: nanoseconds since start from the time-stamp counter, and the date from the CMOS clock.

The rates of the counter and of the local APIC's timer come from the command line, from CPUID, or are measured
against the PIT; every loop is bounded, so a machine without one of these still starts.
"""

from __future__ import annotations

from codegen.lang import Nanoseconds, local, struct, u8, u16, u64
from kernel.machine.cmos import read_date
from kernel.machine.cpuid import FEATURES, CpuidResult, read_cpuid
from kernel.machine.instructions import read_time_stamp
from kernel.machine.local_apic import TIMER_RATE, elapsed_count, start_count, stop_timer
from kernel.machine.port import read_port, write_port

NANOSECONDS_PER_SECOND: u64 = 1_000_000_000

DEFAULT_TSC_KILOHERTZ: u64 = 1_000_000
DEFAULT_TIMER_KILOHERTZ: u64 = 62_500
"""What QEMU's emulator counts: 1 GHz, and 1 GHz divided by 16."""

HYPERVISOR_LEAF = 0x40000000
HYPERVISOR_FREQUENCY_LEAF = 0x40000010
"""The frequencies as VMware, KVM and others tell them: kHz of the TSC in EAX, of the APIC bus in EBX."""

CRYSTAL_LEAF = 0x15
"""TSC and core crystal clock (SDM vol. 2A, table 3-8): rate = ECX * EBX / EAX."""

PIT_HERTZ: u64 = 1_193_182
PIT_WINDOW_COUNT: u64 = 9_546
"""8 ms."""

PIT_CHANNEL_2: u16 = 0x42
PIT_COMMAND: u16 = 0x43
SPEAKER: u16 = 0x61
CHANNEL_2_ONE_SHOT: u8 = 0xB0
GATE_OPEN: u8 = 0x01
OUTPUT_HIGH: u8 = 0x20
"""Intel 8254 data sheet, mode 0. Port 0x61 is the PC's gate and output of channel 2."""

PIT_POLLS = 200_000


@struct
class Clock:
    """The rate of the time-stamp counter, and what it and the calendar showed at start. Then constant."""

    tsc_hertz: u64 = DEFAULT_TSC_KILOHERTZ * 1000
    start_ticks: u64 = 0
    start_date: u64 = 0

    def initialise(self, tsc_kilohertz: u64, timer_kilohertz: u64) -> None:
        """Find out both rates; arguments other than 0 are taken as they are. The local APIC is enabled."""
        tsc, timer = tsc_kilohertz, timer_kilohertz
        if tsc == 0 or timer == 0:
            told_tsc, told_timer = told_rates()
            tsc = told_tsc if tsc == 0 else tsc
            timer = told_timer if timer == 0 else timer
        if tsc == 0 or timer == 0:
            measured_tsc, measured_timer = measured_rates()
            tsc = measured_tsc if tsc == 0 else tsc
            timer = measured_timer if timer == 0 else timer
        self.tsc_hertz = tsc * 1000
        TIMER_RATE.kilohertz = timer
        self.start_ticks = read_time_stamp()
        self.start_date = read_date()

    def nanoseconds(self) -> Nanoseconds:
        """Since start; never goes back on one processor."""
        return self.nanoseconds_of(read_time_stamp() - self.start_ticks)

    def nanoseconds_of(self, ticks: u64) -> Nanoseconds:
        """How long `ticks` of the counter last."""
        rest = ticks % self.tsc_hertz * NANOSECONDS_PER_SECOND // self.tsc_hertz
        return Nanoseconds(ticks // self.tsc_hertz * NANOSECONDS_PER_SECOND + rest)


CLOCK = Clock()


def monotonic() -> Nanoseconds:
    """Nanoseconds since start (CLOCK_MONOTONIC)."""
    return CLOCK.nanoseconds()


def wall_time() -> Nanoseconds:
    """Nanoseconds since 1970-01-01 UTC (CLOCK_REALTIME); since start where no clock told the date."""
    return Nanoseconds(CLOCK.start_date * NANOSECONDS_PER_SECOND + CLOCK.nanoseconds())


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
    """The rates in kHz, counted while the PIT counts 8 ms; QEMU's where there is no PIT."""
    write_port(SPEAKER, GATE_OPEN)
    write_port(PIT_COMMAND, CHANNEL_2_ONE_SHOT)
    write_port(PIT_CHANNEL_2, u8(PIT_WINDOW_COUNT & 0xFF))
    write_port(PIT_CHANNEL_2, u8(PIT_WINDOW_COUNT >> 8))
    start_count()
    start = read_time_stamp()
    polls: u64 = 0
    while polls < PIT_POLLS and read_port(SPEAKER) & OUTPUT_HIGH == 0:
        polls += 1
    ticks = read_time_stamp() - start
    timer_ticks = elapsed_count()
    stop_timer()
    if polls == 0 or polls == PIT_POLLS:
        return DEFAULT_TSC_KILOHERTZ, DEFAULT_TIMER_KILOHERTZ
    tsc_kilohertz = ticks * PIT_HERTZ // PIT_WINDOW_COUNT // 1000
    timer_kilohertz = timer_ticks * PIT_HERTZ // PIT_WINDOW_COUNT // 1000
    if tsc_kilohertz == 0 or timer_kilohertz == 0:
        return DEFAULT_TSC_KILOHERTZ, DEFAULT_TIMER_KILOHERTZ
    return tsc_kilohertz, timer_kilohertz
