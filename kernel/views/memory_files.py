"""/proc/PID/mem, pagemap and clear_refs: the memory of a process, and what stands behind its addresses (proc(5)).

Both files belong to the program that ran when they were opened, and are empty after it; who may look into the process
is asked when they are opened, as Linux does.
"""

from __future__ import annotations

from codegen.lang import (
    Errno,
    Fallible,
    FrameNumber,
    MutableSlice,
    Slice,
    bit,
    bits,
    comptime,
    copy,
    deferred,
    store,
    struct,
    to_raw,
    u8,
    u64,
    uninitialised,
)
from kernel.base.errno import EFAULT, EINVAL, EIO, ESRCH
from kernel.files.attributes import Attributes
from kernel.files.file import FileOwner
from kernel.files.inode import Inode
from kernel.files.made import MadeFile
from kernel.files.operations import ALWAYS_READY, Events, FileOps
from kernel.machine.layout import PAGE_SIZE, USER_END
from kernel.machine.paging import index_at
from kernel.memory import frames
from kernel.memory.foreign import lend_page
from kernel.memory.heap import free
from kernel.memory.page_tables import find_table
from kernel.memory.region import Access
from kernel.memory.space import AddressSpace
from kernel.process.changes import drop_space
from kernel.views.maps import region_from
from kernel.views.numbers import taken_unsigned
from kernel.views.subject import looked_into, process_of
from kernel.views.text import bound_process

ENTRY: u64 = 8
"""The size of an entry of pagemap."""


@struct
class MemoryFile(MadeFile):
    """What is opened: mem, or pagemap."""

    is_map: bool = False

    def open(self, inode: Inode, owner: FileOwner) -> Fallible[FileOps]:
        process = looked_into(inode)
        if process.is_zombie:
            raise ESRCH
        opened = owner.account.heap.new(OpenMemory)
        opened.inode = inode
        opened.programs = process.programs
        opened.is_map = self.is_map
        return opened


@comptime
def make_page_map() -> MemoryFile:
    """The one for pagemap."""
    made = MemoryFile()
    made.is_map = True
    return made


MEMORY = MemoryFile()
PAGE_MAP = make_page_map()


@struct
class OpenMemory(FileOps):
    """One of them, open."""

    inode: Inode = uninitialised()
    """Lent by the open file."""
    programs: u64 = 0
    is_map: bool = False

    def read_piece(self, offset: u64, destination: MutableSlice[u8], wait: bool) -> Fallible[u64]:
        process = bound_process(self.inode, self.programs)
        if process is None:
            return 0
        space = process.space
        if self.is_map:
            return read_page_map(space, offset, destination)
        space.hold()
        with deferred(drop_space, space):
            return read_memory(space, offset, destination)

    def write_piece(self, offset: u64, source: Slice[u8], wait: bool) -> Fallible[u64]:
        if self.is_map:
            raise EINVAL
        process = bound_process(self.inode, self.programs)
        if process is None:
            return 0
        space = process.space
        space.hold()
        with deferred(drop_space, space):
            return write_memory(space, offset, source)

    def attributes(self) -> Attributes:
        return self.inode.described

    def is_seekable(self) -> bool:
        return True

    def readiness(self) -> Events:
        return ALWAYS_READY

    def closed(self) -> None:
        free(self)


def read_memory(space: AddressSpace, address: u64, destination: MutableSlice[u8]) -> Fallible[u64]:
    """Read from `address` on as far as that may be read; EIO if nothing may. The caller holds the space."""
    total = u64(len(destination))
    done: u64 = 0
    while done < total:
        within = address % PAGE_SIZE
        amount = min(PAGE_SIZE - within, total - done)
        frame = page_or_nothing(space, address, Access.READ, done)
        if frame == NOTHING:
            return done
        copy(destination[done : done + amount], frames.contents(frame)[within : within + amount])
        frames.release(frame)
        done += amount
        address += amount
    return done


def write_memory(space: AddressSpace, address: u64, source: Slice[u8]) -> Fallible[u64]:
    """Write from `address` on as far as that may be written; EIO if nothing may. The caller holds the space."""
    total = u64(len(source))
    done: u64 = 0
    while done < total:
        within = address % PAGE_SIZE
        amount = min(PAGE_SIZE - within, total - done)
        frame = page_or_nothing(space, address, Access.WRITE, done)
        if frame == NOTHING:
            return done
        copy(frames.contents(frame)[within : within + amount], source[done : done + amount])
        frames.release(frame)
        done += amount
        address += amount
    return done


NOTHING = FrameNumber(0)
"""The frame of no page of a program."""


def page_or_nothing(space: AddressSpace, address: u64, access: Access, done: u64) -> Fallible[FrameNumber]:
    """The frame behind `address`, held; NOTHING where a transfer of which something is `done` ends. EIO, ENOMEM."""
    try:
        return lend_page(space, address, access)
    except EFAULT:
        if done == 0:
            raise EIO from None
    except Errno:
        if done == 0:
            raise
    return NOTHING


@bits
class PageMapEntry:
    """What pagemap tells of a page (Linux, Documentation/admin-guide/mm/pagemap.rst). Frame numbers are not told."""

    frame: u64 = bits(0, 55)
    is_exclusive: bool = bit(56)
    is_of_file: bool = bit(61)
    is_present: bool = bit(63)


def read_page_map(space: AddressSpace, offset: u64, destination: MutableSlice[u8]) -> Fallible[u64]:
    """The entries of the pages from number `offset` // 8 on. EINVAL for parts of entries."""
    total = u64(len(destination))
    if offset % ENTRY != 0 or total % ENTRY != 0:
        raise EINVAL
    done: u64 = 0
    while done < total and offset // ENTRY < USER_END // PAGE_SIZE:
        store(u64, destination, done, to_raw(entry_at(space, offset // ENTRY * PAGE_SIZE)))
        done += ENTRY
        offset += ENTRY
    return done


def entry_at(space: AddressSpace, address: u64) -> PageMapEntry:
    """What stands behind a page."""
    with space.lock:
        table = find_table(space.root, address)
        if table is None:
            return PageMapEntry()
        entry = table.entries[index_at(address, 1)]
        if not entry.present:
            return PageMapEntry()
        region = region_from(space, address)
        is_of_file = region is not None and region.pager is not None and (region.shared or not entry.writable)
        return PageMapEntry(is_present=True, is_of_file=is_of_file, is_exclusive=not frames.is_shared(entry.frame))


def take_clear(inode: Inode, text: Slice[u8]) -> Fallible[None]:
    """clear_refs: 1 to 4 forget which pages were used or written to, which nobody keeps; 5 forgets VmHWM. EINVAL."""
    process = process_of(inode)
    what = taken_unsigned(text)
    if not 1 <= what <= 5:
        raise EINVAL
    if what == 5 and not process.is_zombie:
        space = process.space
        with space.lock:
            space.resident_before = 0
