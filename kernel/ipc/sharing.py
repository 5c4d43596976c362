"""Making segments, and finding those to show and those that are shown (shmget(2), shmat(2), shmdt(2))."""

from __future__ import annotations

from codegen.lang import Fallible, i32, must_use, on_error, u32, u64
from kernel.base.errno import EEXIST, EFBIG, EINVAL, ENOENT, ENOMEM
from kernel.files.attributes import Kind
from kernel.files.credentials import Credentials
from kernel.files.inode import Inode
from kernel.files.ramfs import RamFs
from kernel.ipc.namespace import PRIVATE, IpcNamespace
from kernel.ipc.permissions import EXECUTE, READ, WRITE
from kernel.ipc.segment import SEGMENTS, Segment
from kernel.machine.clock import wall_time
from kernel.machine.layout import PAGE_SIZE
from kernel.memory import frames
from kernel.memory.region import Protection, Region
from kernel.memory.space import AddressSpace
from kernel.sched.cpu import current

IPC_CREAT: u32 = 0o1000
IPC_EXCL: u32 = 0o2000
SHM_HUGETLB: u32 = 0o4000
SHM_NORESERVE: u32 = 0o10000
HUGE_SHIFT: u32 = 26
HUGE_SIZES: u32 = 0x3F
HUGE_2_MIB: u32 = 21
"""Of SHM_HUGETLB: the logarithm of the size of the pages; 0: as is usual, which is 2 MiB."""
SHM_RDONLY: u32 = 0o10000
SHM_RND: u32 = 0o20000
SHM_REMAP: u32 = 0o40000
SHM_EXEC: u32 = 0o100000
"""The flags of shmget(2), then of shmat(2)."""
PERMISSIONS: u32 = 0o777


# Making.


def get(fs: RamFs, namespace: IpcNamespace, credentials: Credentials, key: u32, size: u64, flags: u32) -> Fallible[i32]:
    """The id of the segment with a key, made in `fs` if that is wanted.

    EEXIST, ENOENT, EINVAL for a size that is none, ENOSPC, EACCES, ENOMEM.
    """
    while True:
        if key != PRIVATE:
            with SEGMENTS.lock:
                found = namespace.with_key(key)
                if found is not None:
                    return checked(found, credentials, size, flags)
            if flags & IPC_CREAT == 0:
                raise ENOENT
        with SEGMENTS.lock:
            namespace.check_new(size)
        segment = new_segment(fs, credentials, size, flags)
        segment.first_key = key
        segment.status.permissions.begin(key, credentials, flags)
        with on_error(segment.give_back), SEGMENTS.lock:
            is_taken = key != PRIVATE and namespace.with_key(key) is not None
            if not is_taken:
                namespace.add(segment)
                return segment.status.id
        segment.give_back()


def checked(segment: Segment, credentials: Credentials, size: u64, flags: u32) -> Fallible[i32]:
    """The id of a segment that is there already. EEXIST, EINVAL when it is smaller, EACCES. The lock is held."""
    if flags & (IPC_CREAT | IPC_EXCL) == IPC_CREAT | IPC_EXCL:
        raise EEXIST
    if segment.status.size < size:
        raise EINVAL
    segment.status.permissions.check(credentials, flags)
    return segment.status.id


@must_use
def new_segment(fs: RamFs, credentials: Credentials, size: u64, flags: u32) -> Fallible[Segment]:
    """A segment of zeros without a number, charged to the owner of `fs`. ENOMEM; EINVAL for pages of an odd size."""
    if flags & SHM_HUGETLB != 0:
        refuse_huge(flags)
    check_memory(size, flags)
    inode = fs.new_inode(Kind.REGULAR, PERMISSIONS, credentials.user, credentials.group)
    with on_error(inode.drop):
        set_size(inode, size)
        segment = fs.account.heap.new(Segment)
    segment.inode = inode
    status = segment.status
    status.size = size
    status.creator = i32(current().process.pid)
    status.change_time = wall_time()
    return segment


def refuse_huge(flags: u32) -> Fallible[None]:
    """There are no huge pages: ENOMEM, EINVAL for sizes that there are none of."""
    size = flags >> HUGE_SHIFT & HUGE_SIZES
    if size != 0 and size != HUGE_2_MIB:
        raise EINVAL
    raise ENOMEM


def check_memory(size: u64, flags: u32) -> Fallible[None]:
    """ENOMEM for more than the machine has, which is otherwise found out page by page (overcommit_memory 0)."""
    _, total = frames.counts()
    if flags & SHM_NORESERVE == 0 and size // PAGE_SIZE > total:
        raise ENOMEM


def set_size(inode: Inode, size: u64) -> Fallible[None]:
    """Let a new file have so many bytes. ENOMEM for more than a file can have."""
    try:
        inode.set_size(size)
    except EFBIG:
        raise ENOMEM from None


# Showing.


def place_for(address: u64, flags: u32) -> Fallible[u64]:
    """The page at `address`, rounded down if that is wanted. EINVAL for what is no page, and for nothing to replace."""
    within = address % PAGE_SIZE
    if within != 0 and flags & SHM_RND == 0:
        raise EINVAL
    start = address - within
    if start == 0 and flags & SHM_REMAP != 0:
        raise EINVAL
    return start


def rights_for(flags: u32) -> tuple[Protection, u32]:
    """What the program may do with the memory, and what it has to be allowed for that."""
    rights = Protection.READ
    wanted: u32 = READ
    if flags & SHM_RDONLY == 0:
        rights = rights | Protection.WRITE
        wanted = wanted | WRITE
    if flags & SHM_EXEC != 0:
        rights = rights | Protection.EXECUTE
        wanted = wanted | EXECUTE
    return rights, wanted


def find_for(namespace: IpcNamespace, credentials: Credentials, id: i32, wanted: u32) -> Fallible[Segment]:
    """The segment with an id, which stays until the caller lets go of it. EINVAL, EACCES."""
    with SEGMENTS.lock:
        segment = namespace.find(id)
        segment.status.permissions.check(credentials, wanted)
        segment.status.attached += 1
        return segment


def shown_from(space: AddressSpace, address: u64) -> Region | None:
    """The lowest region that shows what it would of a segment attached at `address`. The lock is held."""
    return shown_above(space, address, address)


def shown_above(space: AddressSpace, address: u64, start: u64) -> Region | None:
    """`shown_from`, of the regions from `start` on."""
    region = space.regions.at_or_above(start)
    while region is not None:
        if size_of_segment(region) > 0 and region.start - address == region.offset:
            return region
        region = space.regions.after(region)
    return None


def size_of_segment(region: Region) -> u64:
    """How large the segment is that a region shows; 0 when it shows none."""
    pager = region.pager
    if pager is not None and isinstance(pager, Segment):
        return pager.status.size
    return 0
