"""FPU and vector registers: saved only for threads that used them (SDM vol. 1, chapter 13).

A thread begins with CR0.TS set; its first FPU instruction raises #NM, whose handler gives it an area and
loads it. An area is `FPU.area_size` bytes, at most one page, 64-byte aligned.
"""

from __future__ import annotations

from codegen.lang import (
    bit,
    bits,
    fill,
    from_raw,
    instruction,
    local,
    slice_at,
    store,
    struct,
    to_raw,
    truncate,
    u8,
    u32,
    u64,
)
from kernel.machine.cpuid import FEATURES, CpuidResult, read_cpuid

FXSAVE_SIZE: u64 = 512
CONTROL_WORD_OFFSET = 0
VECTOR_CONTROL_OFFSET = 24
"""Positions in the legacy region of an area (SDM vol. 1, table 10-2)."""

INITIAL_CONTROL_WORD = 0x037F
INITIAL_VECTOR_CONTROL = 0x1F80
"""All exceptions masked (SDM vol. 1, sections 8.1.5 and 10.2.3)."""


@bits
class StateComponents:
    """XCR0: the register sets that XSAVE handles (SDM vol. 1, section 13.1)."""

    x87: bool = bit(0)
    sse: bool = bit(1)
    avx: bool = bit(2)
    avx512: u64 = bits(5, 8)


ALL_OF_AVX512 = 7


@struct
class Fpu:
    """How state is saved on this machine; constant after `initialise`."""

    area_size: u64 = FXSAVE_SIZE

    def initialise(self) -> None:
        """Choose the register sets to keep. Runs on every processor, after CR4 is set."""
        if not FEATURES.xsave:
            return
        answer = local(CpuidResult)
        read_cpuid(0xD, 0, answer)
        supported = from_raw(StateComponents, u64(answer.eax))
        has_avx = supported.sse and supported.avx
        has_avx512 = has_avx and supported.avx512 == ALL_OF_AVX512
        chosen = StateComponents(x87=True, sse=True, avx=has_avx, avx512=ALL_OF_AVX512 if has_avx512 else 0)
        write_extended_control(0, truncate(u32, to_raw(chosen)), 0)
        read_cpuid(0xD, 0, answer)
        self.area_size = max(u64(answer.ebx), FXSAVE_SIZE)
        assert self.area_size <= 4096, "an FPU area fits a page"


FPU = Fpu()


@instruction("xsetbv", "{cx},{ax},{dx},~{memory}")
def write_extended_control(number: u32, low: u32, high: u32) -> None:
    """XSETBV."""


@instruction("fxsave64 ($0)", "r,~{memory}")
def _fxsave(area: u64) -> None:
    """FXSAVE64."""


@instruction("fxrstor64 ($0)", "r,~{memory}")
def _fxrstor(area: u64) -> None:
    """FXRSTOR64."""


@instruction("xsave64 ($0)", "r,{ax},{dx},~{memory}")
def _xsave(area: u64, low: u32, high: u32) -> None:
    """XSAVE64."""


@instruction("xrstor64 ($0)", "r,{ax},{dx},~{memory}")
def _xrstor(area: u64, low: u32, high: u32) -> None:
    """XRSTOR64."""


ALL_COMPONENTS: u32 = 0xFFFFFFFF


def initialise_fpu_area(area: u64) -> None:
    """Write the state after a reset, but with all exceptions masked, as a program expects it."""
    memory = slice_at(u8, area, FPU.area_size)
    fill(memory, 0)
    store(u32, memory, CONTROL_WORD_OFFSET, INITIAL_CONTROL_WORD)
    store(u32, memory, VECTOR_CONTROL_OFFSET, INITIAL_VECTOR_CONTROL)
    if FEATURES.xsave:
        # XSTATE_BV: x87 and SSE state are in the area; the others take their initial values.
        store(u64, memory, FXSAVE_SIZE, 3)


def save_fpu(area: u64) -> None:
    """Save the registers to `area`. CR0.TS is clear."""
    if FEATURES.xsave:
        _xsave(area, ALL_COMPONENTS, ALL_COMPONENTS)
    else:
        _fxsave(area)


def restore_fpu(area: u64) -> None:
    """Load the registers from `area`. CR0.TS is clear."""
    if FEATURES.xsave:
        _xrstor(area, ALL_COMPONENTS, ALL_COMPONENTS)
    else:
        _fxrstor(area)
