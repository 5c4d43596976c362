"""CPUID: what this processor is and can do (SDM vol. 2A, table 3-8)."""

from __future__ import annotations

from codegen.lang import bit, bits, external, from_raw, local, struct, u32


@struct
class CpuidResult:
    """The four registers that CPUID fills."""

    eax: u32 = 0
    ebx: u32 = 0
    ecx: u32 = 0
    edx: u32 = 0


@bits(u32)
class StandardFeatures:
    """Leaf 1, ECX (SDM vol. 2A, table 3-10)."""

    x2apic: bool = bit(21)
    tsc_deadline: bool = bit(24)
    xsave: bool = bit(26)
    hypervisor: bool = bit(31)


@bits(u32)
class StructuredFeatures:
    """Leaf 7.0, EBX (SDM vol. 2A, table 3-8)."""

    fsgsbase: bool = bit(0)
    smep: bool = bit(7)
    smap: bool = bit(20)


@bits(u32)
class MoreStructuredFeatures:
    """Leaf 7.0, ECX (SDM vol. 2A, table 3-8)."""

    umip: bool = bit(2)


@bits(u32)
class ExtendedProcessorFeatures:
    """Leaf 0x80000001, EDX (SDM vol. 2A, table 3-8)."""

    no_execute: bool = bit(20)
    huge_pages: bool = bit(26)


@bits(u32)
class PowerFeatures:
    """Leaf 0x80000007, EDX (SDM vol. 2A, table 3-8)."""

    invariant_tsc: bool = bit(8)


@external
def read_cpuid(leaf: u32, subleaf: u32, result: CpuidResult) -> None:
    """CPUID for `leaf` and `subleaf`; boot/stubs, as it changes RBX, which LLVM keeps for itself."""
    ...


@struct
class Features:
    """What the boot processor can do; constant after `detect`. The entry stubs read `smap` by its offset."""

    smap: bool = False
    smep: bool = False
    umip: bool = False
    no_execute: bool = False
    xsave: bool = False
    tsc_deadline: bool = False
    invariant_tsc: bool = False
    hypervisor: bool = False
    highest_leaf: u32 = 0

    def detect(self) -> None:
        """Ask the processor."""
        answer = local(CpuidResult)
        read_cpuid(0, 0, answer)
        self.highest_leaf = answer.eax
        read_cpuid(1, 0, answer)
        standard = from_raw(StandardFeatures, answer.ecx)
        self.xsave = standard.xsave
        self.tsc_deadline = standard.tsc_deadline
        self.hypervisor = standard.hypervisor
        if self.highest_leaf >= 7:
            read_cpuid(7, 0, answer)
            structured = from_raw(StructuredFeatures, answer.ebx)
            self.smep = structured.smep
            self.smap = structured.smap
            self.umip = from_raw(MoreStructuredFeatures, answer.ecx).umip
        read_cpuid(0x80000000, 0, answer)
        highest_extended = answer.eax
        if highest_extended >= 0x80000001:
            read_cpuid(0x80000001, 0, answer)
            self.no_execute = from_raw(ExtendedProcessorFeatures, answer.edx).no_execute
        if highest_extended >= 0x80000007:
            read_cpuid(0x80000007, 0, answer)
            self.invariant_tsc = from_raw(PowerFeatures, answer.edx).invariant_tsc


FEATURES = Features()
