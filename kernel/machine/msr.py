"""Model-specific registers (SDM vol. 4, table 2-2)."""

from __future__ import annotations

from enum import IntEnum

from codegen.lang import bit, bits, from_raw, instruction, to_raw, truncate, u32, u64, width


@width(u32)
class Msr(IntEnum):
    """The registers that the kernel touches."""

    APIC_BASE = 0x1B
    TSC_DEADLINE = 0x6E0
    PAGE_ATTRIBUTES = 0x277
    EFER = 0xC0000080
    STAR = 0xC0000081
    LSTAR = 0xC0000082
    FMASK = 0xC0000084
    FS_BASE = 0xC0000100
    GS_BASE = 0xC0000101
    KERNEL_GS_BASE = 0xC0000102


@bits
class ExtendedFeatures:
    """IA32_EFER (SDM vol. 3A, section 2.2.1)."""

    system_call: bool = bit(0)
    long_mode: bool = bit(8)
    long_mode_active: bool = bit(10)
    no_execute: bool = bit(11)


@bits
class SystemCallTarget:
    """IA32_STAR (SDM vol. 3A, section 5.8.8): the selectors that SYSCALL and SYSRET load."""

    kernel_code: u64 = bits(32, 48)
    user_base: u64 = bits(48, 64)


@bits
class ApicBase:
    """IA32_APIC_BASE (SDM vol. 3A, figure 10-5)."""

    boot_processor: bool = bit(8)
    x2apic: bool = bit(10)
    enabled: bool = bit(11)
    page: u64 = bits(12, 52)


@instruction("rdmsr\n\tshlq $$32, %rdx\n\torq %rdx, %rax", "={ax},{cx},~{dx},~{flags},~{memory}")
def _read(number: u32) -> u64:
    """RDMSR."""
    ...


@instruction("wrmsr", "{cx},{ax},{dx},~{memory}")
def _write(number: u32, low: u32, high: u32) -> None:
    """WRMSR."""


def read_msr(number: Msr) -> u64:
    """The value of a model-specific register."""
    return _read(u32(number))


def write_msr(number: Msr, value: u64) -> None:
    """Set a model-specific register."""
    _write(u32(number), truncate(u32, value), u32(value >> 32))


def read_extended_features() -> ExtendedFeatures:
    """IA32_EFER."""
    return from_raw(ExtendedFeatures, read_msr(Msr.EFER))


def write_extended_features(value: ExtendedFeatures) -> None:
    """Set IA32_EFER."""
    write_msr(Msr.EFER, to_raw(value))


def write_gs_base_user(value: u64) -> None:
    """Set the GS base of ring 3. It must lie in the lower half: the entry of an NMI judges by its sign."""
    write_msr(Msr.KERNEL_GS_BASE, value)


def write_gs_base(value: u64) -> None:
    """Set the GS base of the kernel: the address of this processor's `Cpu`."""
    write_msr(Msr.GS_BASE, value)
