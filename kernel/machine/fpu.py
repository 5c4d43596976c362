"""FPU and vector registers: kept apart for every thread that has them (SDM vol. 1, chapter 13)."""

from __future__ import annotations

from codegen.lang import (
    Array,
    MutableSlice,
    Slice,
    address_of,
    align_up,
    array,
    bit,
    bits,
    fill,
    from_raw,
    hot,
    instruction,
    invert,
    load,
    local,
    offset_of,
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
HEADER_SIZE: u64 = 64
CONTROL_WORD_OFFSET = 0
STATUS_WORD_OFFSET = 2
VECTOR_CONTROL_OFFSET = 24
"""Positions in the legacy region of an area (SDM vol. 1, table 10-2)."""
VECTOR_CONTROL_BITS: u32 = 0xFFFF
"""Loading an MXCSR with another bit set is a general-protection fault (SDM vol. 1, section 10.2.3)."""

INITIAL_CONTROL_WORD = 0x037F
INITIAL_VECTOR_CONTROL = 0x1F80
"""All exceptions masked (SDM vol. 1, sections 8.1.5 and 10.2.3)."""


@bits
class StateComponents:
    """XCR0: the register sets that XSAVE handles (SDM vol. 1, section 13.1)."""

    x87: bool = bit(0)
    sse: bool = bit(1)
    avx: bool = bit(2)


LEGACY_COMPONENTS: u64 = to_raw(StateComponents(x87=True, sse=True))

AREA_ALIGNMENT: u64 = 64
AREA_SPACE: u64 = 832
"""Legacy region, header, and the upper halves of the AVX registers (SDM vol. 1, section 13.4)."""


@struct
class ExtendedState:
    """What a processor keeps for a program; constant after the boot processor has looked."""

    components: u64 = LEGACY_COMPONENTS
    size: u64 = FXSAVE_SIZE
    """How many bytes of an area are used."""


EXTENDED_STATE = ExtendedState()


@struct(size=896)
class FpuArea:
    """The registers of a thread while another one has them; the space begins at the first multiple of 64."""

    space: Array[u8] = array(896)

    def start(self) -> u64:
        """Where XSAVE may write."""
        return align_up(address_of(self) + offset_of(FpuArea, "space"), AREA_ALIGNMENT)

    def bytes(self) -> MutableSlice[u8]:
        """What XSAVE writes."""
        return slice_at(u8, self.start(), AREA_SPACE)

    def mark_legacy_state(self) -> None:
        """Say that x87 and SSE state are in the area, as XSTATE_BV does; without, XRSTOR would reset them."""
        if FEATURES.xsave:
            content = self.bytes()
            store(u64, content, FXSAVE_SIZE, load(u64, content, FXSAVE_SIZE) | LEGACY_COMPONENTS)


def is_loadable(content: Slice[u8]) -> bool:
    """Whether FXRSTOR or XRSTOR would take an area (SDM vol. 1, sections 10.5.1.2 and 13.8.1), or fault."""
    if load(u32, content, VECTOR_CONTROL_OFFSET) & invert(u32, VECTOR_CONTROL_BITS) != 0:
        return False
    if load(u64, content, FXSAVE_SIZE) & invert(u64, EXTENDED_STATE.components) != 0:
        return False
    return load(u64, content, FXSAVE_SIZE + 8) == 0 and load(u64, content, FXSAVE_SIZE + 16) == 0


def initialise_fpu_unit() -> None:
    """Let programs have x87, SSE and AVX registers. Runs on every processor, after CR4 is set."""
    if not FEATURES.xsave:
        return
    answer = local(CpuidResult)
    read_cpuid(0xD, 0, answer)
    has_avx = from_raw(StateComponents, u64(answer.eax)).avx
    chosen = StateComponents(x87=True, sse=True, avx=has_avx)
    write_extended_control(0, truncate(u32, to_raw(chosen)), 0)
    EXTENDED_STATE.components = to_raw(chosen)
    EXTENDED_STATE.size = AREA_SPACE if has_avx else FXSAVE_SIZE + HEADER_SIZE


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


def initialise_fpu(area: FpuArea) -> None:
    """Write the state after a reset, but with all exceptions masked, as a program expects it."""
    memory = area.bytes()
    fill(memory, 0)
    store(u32, memory, CONTROL_WORD_OFFSET, INITIAL_CONTROL_WORD)
    store(u32, memory, VECTOR_CONTROL_OFFSET, INITIAL_VECTOR_CONTROL)
    area.mark_legacy_state()


@hot
def save_fpu(area: FpuArea) -> None:
    """Save the registers to `area`."""
    if FEATURES.xsave:
        _xsave(area.start(), ALL_COMPONENTS, ALL_COMPONENTS)
    else:
        _fxsave(area.start())


@hot
def restore_fpu(area: FpuArea) -> None:
    """Load the registers from `area`."""
    if FEATURES.xsave:
        _xrstor(area.start(), ALL_COMPONENTS, ALL_COMPONENTS)
    else:
        _fxrstor(area.start())
