"""The floating-point and vector registers in a signal frame (Linux, arch/x86/include/uapi/asm/sigcontext.h).

What XSAVE writes, in its standard form, and behind it FP_XSTATE_MAGIC2. Bytes 464 to 511, which the processor leaves to
software, say what is there (struct _fpx_sw_bytes). A frame without them has only what FXSAVE writes.
"""

from __future__ import annotations

from codegen.lang import (
    Fallible,
    MutableSlice,
    Slice,
    UserAddr,
    UserSlice,
    copy,
    load,
    local_array,
    store,
    u8,
    u32,
    u64,
)
from kernel.base.errno import EFAULT
from kernel.machine.cpuid import FEATURES
from kernel.machine.fpu import AREA_SPACE, EXTENDED_STATE, FXSAVE_SIZE, HEADER_SIZE, LEGACY_COMPONENTS, is_loadable
from kernel.memory import user
from kernel.sched import switch
from kernel.sched.thread import Thread

MAGIC_1: u32 = 0x46505853
MAGIC_2: u32 = 0x46505845
MAGIC_2_SIZE: u64 = 4
SOFTWARE_BYTES: u64 = 464
EXTENDED_SIZE: u64 = SOFTWARE_BYTES + 4
FEATURES_KEPT: u64 = SOFTWARE_BYTES + 8
STATE_SIZE: u64 = SOFTWARE_BYTES + 16
ALIGNMENT: u64 = 64
LEGACY_ALIGNMENT: u64 = 16


def size_in_frame() -> u64:
    """The bytes that `put_state` writes."""
    return EXTENDED_STATE.size + MAGIC_2_SIZE if FEATURES.xsave else EXTENDED_STATE.size


def put_state(thread: Thread, address: u64) -> Fallible[None]:
    """Write the registers of the running `thread` to its frame. EFAULT."""
    size = EXTENDED_STATE.size
    area = thread.fpu_area
    assert area is not None, "programs have floating-point registers"
    switch.keep_fpu(thread)
    if FEATURES.xsave:
        # As on Linux, x87 and SSE count as used: a handler may change them in the frame whether they were or not.
        area.mark_legacy_state()
        describe(area.bytes())
        user.put(u32, UserAddr(address + size), MAGIC_2)
    user.copy_out(UserSlice(UserAddr(address), size), area.bytes()[0:size])


def describe(content: MutableSlice[u8]) -> None:
    """Fill in struct _fpx_sw_bytes."""
    store(u32, content, SOFTWARE_BYTES, MAGIC_1)
    store(u32, content, EXTENDED_SIZE, u32(EXTENDED_STATE.size + MAGIC_2_SIZE))
    store(u64, content, FEATURES_KEPT, EXTENDED_STATE.components)
    store(u32, content, STATE_SIZE, u32(EXTENDED_STATE.size))


def take_state(thread: Thread, address: u64) -> Fallible[None]:
    """Load the registers of the running `thread` from its frame; without one (0) they are as at the start.

    EFAULT when the frame cannot be read, or the processor would not load it.
    """
    if address == 0:
        switch.reset_fpu(thread)
        return
    # A copy: a fault in between may switch to another thread, and that saves the registers to the area.
    content = local_array(u8, AREA_SPACE)
    user.copy_in(content[0:FXSAVE_SIZE], UserSlice(UserAddr(address), FXSAVE_SIZE))
    components = LEGACY_COMPONENTS
    alignment = LEGACY_ALIGNMENT
    if is_extended(content, address):
        size = EXTENDED_STATE.size
        user.copy_in(content[FXSAVE_SIZE:size], UserSlice(UserAddr(address + FXSAVE_SIZE), size - FXSAVE_SIZE))
        components = load(u64, content, FEATURES_KEPT)
        alignment = ALIGNMENT
    else:
        store(u64, content, FXSAVE_SIZE, LEGACY_COMPONENTS)
    if address % alignment != 0 or not is_loadable(content):
        raise EFAULT
    store(u64, content, FXSAVE_SIZE, load(u64, content, FXSAVE_SIZE) & components)
    area = thread.fpu_area
    assert area is not None, "programs have floating-point registers"
    copy(area.bytes(), content)
    switch.load_fpu(thread)


def is_extended(content: Slice[u8], address: u64) -> Fallible[bool]:
    """Whether a frame has all that XSAVE writes: both magic numbers are there, and the sizes make sense. EFAULT."""
    if not FEATURES.xsave or load(u32, content, SOFTWARE_BYTES) != MAGIC_1:
        return False
    size = u64(load(u32, content, STATE_SIZE))
    if not FXSAVE_SIZE + HEADER_SIZE <= size <= EXTENDED_STATE.size or size > u64(load(u32, content, EXTENDED_SIZE)):
        return False
    return user.get(u32, UserAddr(address + size)) == MAGIC_2
