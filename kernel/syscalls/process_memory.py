"""Memory of other processes: process_vm_readv(2), process_vm_writev(2)."""

from __future__ import annotations

from codegen.lang import (
    Errno,
    Fallible,
    UserAddr,
    UserSlice,
    deferred,
    i32,
    inline,
    local,
    struct,
    u64,
)
from kernel.base.errno import EINVAL, EPERM
from kernel.machine.layout import PAGE_SIZE
from kernel.memory import frames, user
from kernel.memory.buffer import COUNT_MAX, VECTORS_MAX, vector_at
from kernel.memory.foreign import lend_page
from kernel.memory.region import Access
from kernel.memory.space import AddressSpace
from kernel.process.access import LookAs, may_look_into
from kernel.process.changes import drop_space
from kernel.sched.preemption import preemption_point
from kernel.sched.thread import Thread
from kernel.syscalls.declare import syscall
from kernel.syscalls.files_support import HIGHEST_OFFSET, advance
from kernel.syscalls.threads import thread_of


@struct
class Cursor:
    """A place in an array of `struct iovec`."""

    vectors: UserAddr = UserAddr(0)
    count: u64 = 0
    index: u64 = 0
    address: UserAddr = UserAddr(0)
    left: u64 = 0
    """How much of the current part is still to be transferred."""

    def begin(self, vectors: UserAddr, count: u64) -> None:
        """Stand before the first part."""
        self.vectors = vectors
        self.count = count

    def settle(self) -> Fallible[bool]:
        """Stand at a byte: go over empty parts. False at the end."""
        while self.left == 0:
            if self.index == self.count:
                return False
            part = vector_at(self.vectors, self.index)
            self.address = part.address
            self.left = part.length
            self.index += 1
        return True

    def move(self, amount: u64) -> None:
        """Go on by so many bytes of the current part."""
        self.left -= amount
        self.address = advance(self.address, amount)


@struct
class Transfer:
    """One call: what is the caller's and what the other's."""

    mine: Cursor = inline()
    theirs: Cursor = inline()
    writes: bool = False

    def step(self, space: AddressSpace, most: u64) -> Fallible[u64]:
        """Transfer what is left of a part, but not beyond a page on either side; returns how much. EFAULT, ENOMEM."""
        address = u64(self.theirs.address)
        within = address % PAGE_SIZE
        room = PAGE_SIZE - max(within, u64(self.mine.address) % PAGE_SIZE)
        amount = min(self.mine.left, self.theirs.left, room, most)
        frame = lend_page(space, address, Access.WRITE if self.writes else Access.READ)
        with deferred(frames.release, frame):
            content = frames.contents(frame)[within : within + amount]
            if self.writes:
                user.copy_in(content, UserSlice(self.mine.address, amount))
            else:
                user.copy_out(UserSlice(self.mine.address, amount), content)
        self.mine.move(amount)
        self.theirs.move(amount)
        return amount

    def run(self, space: AddressSpace) -> Fallible[u64]:
        """Transfer as much as goes; an error counts only when nothing went."""
        done: u64 = 0
        try:
            while done < COUNT_MAX and self.mine.settle() and self.theirs.settle():
                done += self.step(space, COUNT_MAX - done)
                preemption_point()
        except Errno:
            if done == 0:
                raise
        return done


def check_vectors(vectors: UserAddr, count: u64, may_be_long: bool = False) -> Fallible[None]:
    """EFAULT when an array cannot be read, EINVAL when it is too long, or one of its lengths is, or their sum, unless
    that may be any.
    """
    if count > VECTORS_MAX:
        raise EINVAL
    total: u64 = 0
    for index in range(count):
        length = vector_at(vectors, index).length
        if length > HIGHEST_OFFSET - total:
            raise EINVAL
        if not may_be_long:
            total += length


def transfer(
    task: Thread, pid: i32, mine: UserAddr, count: u64, theirs: UserAddr, other_count: u64, flags: u64, writes: bool
) -> Fallible[u64]:
    """Both calls. EINVAL, EFAULT; ESRCH; EPERM unless the caller may look into the other."""
    if flags != 0:
        raise EINVAL
    wanted = local(Transfer)
    check_vectors(mine, count)
    wanted.mine.begin(mine, count)
    if not wanted.mine.settle():
        return 0
    check_vectors(theirs, other_count, True)
    wanted.theirs.begin(theirs, other_count)
    if not wanted.theirs.settle():
        return 0
    process = thread_of(task, pid).process
    if not may_look_into(process, LookAs.REAL):
        raise EPERM
    wanted.writes = writes
    space = process.space
    space.hold()
    with deferred(drop_space, space):
        return wanted.run(space)


@syscall(310)
def process_vm_readv(
    task: Thread, pid: i32, mine: UserAddr, count: u64, theirs: UserAddr, other_count: u64, flags: u64
) -> Fallible[u64]:
    """process_vm_readv(2): of processes in the container."""
    return transfer(task, pid, mine, count, theirs, other_count, flags, False)


@syscall(311)
def process_vm_writev(
    task: Thread, pid: i32, mine: UserAddr, count: u64, theirs: UserAddr, other_count: u64, flags: u64
) -> Fallible[u64]:
    """process_vm_writev(2): of processes in the container."""
    return transfer(task, pid, mine, count, theirs, other_count, flags, True)
