"""A small kernel that takes memory through its paths: test_machine.py compiles it and runs it in QEMU.

It serves the faults of its own accesses to user addresses, as the real kernel does for system calls.
"""

from __future__ import annotations

from codegen.lang import (
    Errno,
    Fallible,
    FrameNumber,
    Slice,
    UserAddr,
    UserSlice,
    VirtAddr,
    address_of,
    export,
    inline,
    local,
    local_array,
    struct,
    u8,
    u32,
    u64,
)
from kernel.base.errno import EFAULT, ENOMEM
from kernel.base.log import log
from kernel.base.options import OPTIONS
from kernel.base.panic import fail
from kernel.machine.cpu import EntryState, initialise_processor, page_table_root, read_fault_address, set_current_cpu
from kernel.machine.exit import exit_machine
from kernel.machine.idt import fill_gates, load_gates
from kernel.machine.layout import PAGE_SIZE, STACK_SIZE
from kernel.machine.pvh import start_info_at
from kernel.machine.segments import load_segments
from kernel.machine.trap import TrapFrame, Vector
from kernel.machine.uart import COM1
from kernel.machine.user_fault import abort_user_copy, is_user_copy
from kernel.memory import fork, frames, kernel_space, mapping, space, stacks, start, user
from kernel.memory.account import KERNEL, Account
from kernel.memory.advice import Range
from kernel.memory.fault import handle_fault
from kernel.memory.frames import FrameUse
from kernel.memory.protection import Change, change_step
from kernel.memory.region import Access, Protection, Terms
from kernel.memory.remap import Remap, Remapping
from kernel.memory.space import AddressSpace
from kernel.memory.teardown import tear_down_step

PLACE: u64 = 0x40_0000
SPAN: u64 = 0x20_0000
"""What one level-1 table translates."""
FAR: u64 = 0x0155_4020_0000
"""Apart in the tables of each level."""
READ_WRITE = Protection.READ | Protection.WRITE


@struct
class Probe:
    """What the checks share."""

    entry: EntryState = inline()
    space: AddressSpace | None = None
    faults: u64 = 0
    account: Account = inline()


PROBE = Probe()


@struct
class Thing:
    """Something to allocate."""

    value: u64 = 7
    rest: u64 = 0


@export
def handle_trap(frame: TrapFrame) -> None:
    """Serve faults of user copies; anything else is the end."""
    current = PROBE.space
    if frame.vector != u64(Vector.PAGE_FAULT) or current is None or not is_user_copy(frame):
        fail(b"a fault in the kernel", frame.rip, frame.rbp)
    PROBE.faults += 1
    access = Access.WRITE if frame.error & 2 != 0 else Access.READ
    try:
        handle_fault(current, read_fault_address(), access)
    except (EFAULT, ENOMEM):
        abort_user_copy(frame)


@export
def handle_syscall(frame: TrapFrame) -> u64:
    """Nothing runs in ring 3."""
    exit_machine(2)


def enter(wanted: AddressSpace) -> None:
    """Make an address space the current one."""
    PROBE.space = wanted
    wanted.activate()


def leave() -> None:
    """Have no address space."""
    PROBE.space = None
    kernel_space.activate()


def map_at(made: AddressSpace, address: u64, length: u64, protection: Protection) -> Fallible[u64]:
    """Map private memory."""
    start = address
    if start == 0:
        with made.lock:
            start = made.find_gap(length)
    mapping.map_new(made, Terms(rights=u32(protection)), None, 0, start, start + length)
    return start


def protect(made: AddressSpace, address: u64, length: u64, protection: Protection) -> Fallible[None]:
    """Give a range other rights."""
    change = local(Change)
    change.set_rights(u32(protection))
    position = address
    while position < address + length:
        position = change_step(made, change, position, address + length)


def move_break(made: AddressSpace, address: u64) -> Fallible[None]:
    """Let the heap end elsewhere."""
    old, new = mapping.move_break(made, address, False)
    if new < old:
        mapping.unmap_whole(made, new, old - new)


def move(made: AddressSpace, start: u64, old: u64, new: u64) -> Fallible[u64]:
    """Move a mapping to where it has room to grow."""
    plan = local(Remapping)
    plan.start = start
    plan.old = old
    plan.new = new
    plan.flags = Remap.MAY_MOVE
    plan.check()
    plan.check_source(made, False)
    assert not plan.extend(made), "something is in the way"
    plan.choose_place(made)
    while not plan.prepare_step(made):
        pass
    while not plan.move_step(made):
        pass
    return plan.target


def duplicate(made: AddressSpace, stack_pointer: u64) -> Fallible[AddressSpace]:
    """A copy of an address space."""
    twin = space.create(PROBE.account)
    position: u64 = 0
    while position < fork.END:
        position = fork.duplicate_step(made, twin, position, stack_pointer)
    return twin


def drop(made: AddressSpace) -> None:
    """The end of an address space."""
    if made.let_go():
        while not tear_down_step(made):
            pass


def read_word(address: u64) -> Fallible[u64]:
    """A word of user memory."""
    return user.get(u64, UserAddr(address))


def write_word(address: u64, value: u64) -> Fallible[None]:
    """Set a word of user memory."""
    user.put(u64, UserAddr(address), value)


def is_refused(address: u64) -> bool:
    """Whether reading a word gives EFAULT."""
    try:
        return read_word(address) != read_word(address)
    except EFAULT:
        return True


def is_read_only(address: u64) -> bool:
    """Whether writing a word gives EFAULT."""
    try:
        write_word(address, 1)
    except EFAULT:
        return True
    return False


def count_objects() -> u64:
    """How many objects the account has."""
    heap = PROBE.account.heap
    with heap.lock:
        return heap.objects


def count_regions(made: AddressSpace) -> u64:
    """How many regions an address space has."""
    with made.lock:
        return len(made.regions)


def has_strays(made: AddressSpace) -> bool:
    """Whether an address space may have tables that no region lies over."""
    with made.lock:
        return made.has_stray_tables


def check_heap() -> Fallible[None]:
    """Objects come and go, and all frames come back."""
    heap = PROBE.account.heap
    first = heap.new(Thing)
    second = heap.new(Thing)
    assert first is not second and first.value == 7, "two objects, with their defaults"
    heap.free(first)
    big = heap.allocate_bytes(3 * PAGE_SIZE)
    big[3 * PAGE_SIZE - 1] = 5
    log(f"heap pages {PROBE.account.pages.used.load()} objects {count_objects()}")
    heap.free_bytes(big)
    heap.free(second)
    heap.trim()
    log(f"heap left {PROBE.account.pages.used.load()} {count_objects()}")


def check_space() -> Fallible[None]:
    """Pages come on demand, rights hold, copies of a space are apart."""
    made = space.create(PROBE.account)
    enter(made)
    map_at(made, PLACE, 16 * PAGE_SIZE, READ_WRITE)
    assert is_refused(PLACE - 8), "nothing is mapped below"
    assert is_refused(0xFFFF_8000_0000_0000), "the kernel is out of reach"
    write_word(PLACE + 8, 42)
    write_word(PLACE + PAGE_SIZE - 4, 0x1122_3344_5566_7788)
    assert read_word(PLACE + PAGE_SIZE - 4) == 0x1122_3344_5566_7788, "across two pages"
    assert read_word(PLACE + 5 * PAGE_SIZE) == 0, "fresh pages are zero"
    protect(made, PLACE, PAGE_SIZE, Protection.READ)
    assert is_read_only(PLACE + 8) and read_word(PLACE + 8) == 42, "read-only"
    protect(made, PLACE, PAGE_SIZE, Protection.NONE)
    assert is_refused(PLACE + 8), "no rights at all"
    protect(made, PLACE, PAGE_SIZE, READ_WRITE)
    assert read_word(PLACE + 8) == 42, "what was hidden shows again"
    mapping.unmap_whole(made, PLACE + 4 * PAGE_SIZE, 2 * PAGE_SIZE)
    assert is_refused(PLACE + 5 * PAGE_SIZE), "unmapped"
    twin = duplicate(made, 0)
    write_word(PLACE + 8, 43)
    enter(twin)
    assert read_word(PLACE + 8) == 42, "the twin keeps its own"
    write_word(PLACE + 8, 44)
    enter(made)
    assert read_word(PLACE + 8) == 43, "and so does the first"
    check_busy_page(made)
    made.start_break(0x80_0000)
    move_break(made, 0x80_3000)
    write_word(0x80_2FF8, 1)
    move_break(made, 0x80_1000)
    assert is_refused(0x80_2FF8), "beyond the heap"
    check_string()
    check_neighbours(made)
    leave()
    drop(twin)
    drop(made)
    PROBE.account.heap.trim()
    log(f"space faults {PROBE.faults} left {PROBE.account.pages.used.load()} {count_objects()}")


def check_busy_page(made: AddressSpace) -> Fallible[None]:
    """A page that is copied with the address space can be written to in both, without a fault."""
    write_word(PLACE + 8, 50)
    twin = duplicate(made, PLACE + 16)
    faults = PROBE.faults
    write_word(PLACE + 8, 51)
    enter(twin)
    assert read_word(PLACE + 8) == 50, "the twin's own"
    write_word(PLACE + 8, 52)
    enter(made)
    assert read_word(PLACE + 8) == 51 and PROBE.faults == faults, "no fault"
    drop(twin)


def check_neighbours(made: AddressSpace) -> Fallible[None]:
    """Like neighbours become one region, and hold what they held."""
    count = count_regions(made)
    high = map_at(made, 0, PAGE_SIZE, READ_WRITE)
    write_word(high, 5)
    assert map_at(made, 0, PAGE_SIZE, READ_WRITE) == high - PAGE_SIZE, "the next lower place"
    map_at(made, high + PAGE_SIZE, PAGE_SIZE, READ_WRITE)
    assert count_regions(made) == count + 1 and read_word(high) == 5, "one region"
    map_at(made, high + 2 * PAGE_SIZE, PAGE_SIZE, Protection.READ)
    moved = move(made, high - PAGE_SIZE, 3 * PAGE_SIZE, 64 * PAGE_SIZE)
    assert read_word(moved + PAGE_SIZE) == 5 and is_refused(high), "what was moved"
    forgotten = local(Range)
    forgotten.begin(moved, moved + 64 * PAGE_SIZE)
    while not forgotten.is_done:
        forgotten.discard_step(made, False, True)
    assert read_word(moved + PAGE_SIZE) == 0, "forgotten"


def check_teardown() -> Fallible[None]:
    """All tables are found at the end: those under regions far apart, and those that no region lies over any more."""
    made = space.create(PROBE.account)
    enter(made)
    for number in range(4):
        start = PLACE + number * FAR
        map_at(made, start, 3 * SPAN, READ_WRITE)
        write_word(start, 1)
        write_word(start + 2 * SPAN, 1)
    mapping.unmap_whole(made, PLACE, SPAN // 2)
    assert not has_strays(made), "a region lies over the table still"
    twin = duplicate(made, 0)
    mapping.unmap_whole(made, PLACE + SPAN // 2, 3 * SPAN - SPAN // 2)
    assert has_strays(made) and not has_strays(twin), "none lies over that of the last page"
    leave()
    drop(made)
    drop(twin)
    PROBE.account.heap.trim()
    log(f"teardown left {PROBE.account.pages.used.load()} {count_objects()}")


def check_string() -> Fallible[None]:
    """Strings stop at their NUL."""
    text: Slice[u8] = b"hello\x00"
    buffer = local_array(u8, 16)
    user.copy_out(UserSlice(UserAddr(PLACE + 100), 6), text)
    assert user.copy_in_string(buffer, UserAddr(PLACE + 100)) == 5, "the length without the NUL"
    assert buffer[0:5] == text[0:5], "the text"


def check_limit() -> Fallible[None]:
    """A limit refuses, and leaves nothing behind."""
    PROBE.account.set_limits(4, 0)
    taken: u64 = 0
    try:
        while True:
            _ = frames.allocate(PROBE.account, FrameUse.USER)
            taken += 1
    except ENOMEM:
        log(f"limit after {taken} refused {PROBE.account.pages.refused}")
    PROBE.account.set_limits(0, 0)
    for number in range(u64(len(frames.FRAMES.frames))):
        if frames.FRAMES.frames[number].owner is PROBE.account:
            frames.release(FrameNumber(number))


def check_stack() -> Fallible[None]:
    """A stack has frames, a guard has none."""
    top = u64(stacks.allocate(PROBE.account))
    assert stacks.frame_under(top - 1) != 0 and stacks.frame_under(top - STACK_SIZE - 1) == 0, "guarded"
    stacks.release(VirtAddr(top))


def deepen(level: u64) -> u64:
    """Fail a few calls down."""
    return level - 1 if level == 0 else deepen_more(level - 1) + 1


def deepen_more(level: u64) -> u64:
    """One call further down."""
    return level - 1


@export
def kernel_main(start_info: u64) -> None:
    """Go through everything."""
    COM1.initialise()
    info = start_info_at(start_info)
    OPTIONS.read(info.command_line())
    initialise_processor()
    load_segments(0)
    fill_gates()
    load_gates()
    set_current_cpu(address_of(PROBE.entry))
    start.initialise(info)
    PROBE.account.prepare(KERNEL, b"probe")
    before, total = frames.counts()
    log(f"total {total} kernel {KERNEL.pages.used.load()} root {u64(page_table_root()) != 0}")
    try:
        check_heap()
        check_space()
        check_teardown()
        check_limit()
        check_stack()
        check_heap()
    except Errno as error:
        log(f"failed {error.code}")
        exit_machine(3)
    after, _ = frames.counts()
    log(f"lost {before - after} of {before}")
    if OPTIONS.has(b"panic"):
        log(f"never {deepen(OPTIONS.number(b'panic', 1))}")
    exit_machine(u8(u32(0)))
