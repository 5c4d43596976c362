"""The words of the line `flags` in /proc/cpuinfo: bits of CPUID.

Their names are those that Linux gives them (arch/x86/include/asm/cpufeatures.h).

A word `-` stands for a bit without a name. What the kernel leaves off is left out: AVX-512 and what needs its
registers, AMX, FSGSBASE and protection keys.
"""

from __future__ import annotations

from codegen.lang import Slice, local, u8, u32
from kernel.base.text import split_at
from kernel.base.writer import Writer
from kernel.machine.cpuid import FEATURES, CpuidResult, read_cpuid
from kernel.machine.fpu import EXTENDED_STATE, LEGACY_COMPONENTS

SPACE: u8 = 0x20
NO_NAME: u8 = 0x2D

BASIC_EDX = (
    b"fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - dts acpi mmx fxsr sse "
    b"sse2 ss ht tm ia64 pbe"
)
BASIC_ECX = (
    b"pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - pcid dca sse4_1 sse4_2 "
    b"x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand hypervisor"
)
EXTENDED_EDX = (
    b"- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - lm 3dnowext 3dnow"
)
EXTENDED_ECX = (
    b"lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit wdt - lwp fma4 "
    b"tce - nodeid_msr - tbm topoext perfctr_core perfctr_nb - bpext ptsc perfctr_llc mwaitx - -"
)
STRUCTURED_EBX = (
    b"- tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - - rdt_a - - rdseed adx smap - - clflushopt clwb"
)
STRUCTURED_ECX = (
    b"- - umip - - waitpkg - - gfni vaes vpclmulqdq - - tme - - la57 - - - - - rdpid - - cldemote - movdiri movdir64b"
)
STRUCTURED_EDX = b"- - - - fsrm - - - - - md_clear - - - serialize"
STATE_EAX = b"xsaveopt xsavec xgetbv1 xsaves"
CAPACITY_EBX = b"clzero irperf xsaveerptr - rdpru - - - - wbnoinvd"

AVX_BITS: u32 = 1 << 28 | 1 << 29 | 1 << 12
"""AVX, F16C and FMA of leaf 1, ECX."""
AVX2_BIT: u32 = 1 << 5
VECTOR_BITS: u32 = 1 << 9 | 1 << 10
"""VAES and VPCLMULQDQ of leaf 7, ECX."""


def write_flags(writer: Writer) -> None:
    """The words, each with a space before it."""
    answer = local(CpuidResult)
    has_avx = EXTENDED_STATE.components != LEGACY_COMPONENTS
    read_cpuid(1, 0, answer)
    write_names(writer, BASIC_EDX, answer.edx)
    basic = answer.ecx if has_avx else answer.ecx & (AVX_BITS ^ 0xFFFF_FFFF)
    read_cpuid(0x8000_0000, 0, answer)
    highest = answer.eax
    if highest >= 0x8000_0001:
        read_cpuid(0x8000_0001, 0, answer)
        write_names(writer, EXTENDED_EDX, answer.edx)
    if FEATURES.invariant_tsc:
        writer.text(b" constant_tsc nonstop_tsc")
    writer.text(b" rep_good nopl cpuid")
    write_names(writer, BASIC_ECX, basic)
    if highest >= 0x8000_0001:
        write_names(writer, EXTENDED_ECX, answer.ecx)
    if FEATURES.highest_leaf >= 7:
        read_cpuid(7, 0, answer)
        write_names(writer, STRUCTURED_EBX, answer.ebx if has_avx else answer.ebx & (AVX2_BIT ^ 0xFFFF_FFFF))
    structured_ecx, structured_edx = answer.ecx, answer.edx
    if FEATURES.xsave and FEATURES.highest_leaf >= 0xD:
        read_cpuid(0xD, 1, answer)
        write_names(writer, STATE_EAX, answer.eax)
    if highest >= 0x8000_0008:
        read_cpuid(0x8000_0008, 0, answer)
        write_names(writer, CAPACITY_EBX, answer.ebx)
    if FEATURES.highest_leaf >= 7:
        write_names(writer, STRUCTURED_ECX, structured_ecx if has_avx else structured_ecx & (VECTOR_BITS ^ 0xFFFF_FFFF))
        write_names(writer, STRUCTURED_EDX, structured_edx)


def write_names(writer: Writer, names: Slice[u8], bits: u32) -> None:
    """The words of the bits that are set, of which the lowest has the first one."""
    rest = names
    bit: u32 = 0
    while len(rest) > 0:
        name, rest = split_at(rest, SPACE)
        if bits >> bit & 1 != 0 and name[0] != NO_NAME:
            writer.text(b" ")
            writer.text(name)
        bit += 1
