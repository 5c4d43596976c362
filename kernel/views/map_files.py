"""/proc/PID/map_files: a link to the file of each mapping (proc(5))."""

from __future__ import annotations

from codegen.lang import Fallible, Slice, deferred, local, local_array, struct, u8, u32, u64
from kernel.base.errno import EACCES, EINVAL, ENOENT, EPERM, ERANGE
from kernel.base.text import index_of, parse_unsigned
from kernel.base.writer import Writer
from kernel.files.attributes import Kind
from kernel.files.capability import Capability
from kernel.files.inode import ABOUT_THREAD, Inode
from kernel.files.listing import Records
from kernel.files.made import Destination, MadeLink, Population
from kernel.files.made_entries import discard, find_made, keep_made
from kernel.machine.layout import PAGE_SIZE, USER_END
from kernel.memory.region import Protection, Region
from kernel.memory.space import AddressSpace
from kernel.process.access import LookAs, may_look_into
from kernel.sched.cpu import current
from kernel.views.links import write_path
from kernel.views.maps import file_of, region_from
from kernel.views.populations import LINK_SIZE, MADE_NUMBERS, NUMBER_BITS, TAG_SHIFT, process_or_none
from kernel.views.subject import about_number, living, number_part

DASH: u8 = 0x2D
TAG: u64 = 7
"""What tells inode numbers apart from those about descriptors (populations.py)."""
NAME_LENGTH: u64 = 36
"""Two addresses in hexadecimal, and a dash."""


@struct
class MappedFile(MadeLink):
    """One of the links; it is about the page at which the mapping begins."""

    def read(self, link: Inode, writer: Writer) -> Fallible[None]:
        file = mapped_at(link)
        with deferred(file.drop):
            write_path(file, writer)

    def follow(self, link: Inode, destination: Destination) -> Fallible[bool]:
        file = mapped_at(link)
        file.drop()
        credentials = current().process.credentials
        if not credentials.has(Capability.SYS_ADMIN) and not credentials.has(Capability.CHECKPOINT_RESTORE):
            raise EPERM
        destination.inode = file
        return True


MAPPED_FILE = MappedFile()


def mapped_at(link: Inode) -> Fallible[Inode]:
    """The file that a link is about, held. ENOENT once it is not mapped there any more."""
    space = living(link).space
    address = number_part(link) * PAGE_SIZE
    with space.lock:
        region = region_from(space, address)
        file = None if region is None or region.start != address else file_of(region)
        if file is None:
            raise ENOENT
        file.hold()
        return file


@struct
class Mappings(Population):
    """The folder: an entry for each mapping of a file, called by its addresses."""

    def populate(self, directory: Inode, name: Slice[u8]) -> Fallible[None]:
        start, end = addresses_in(name)
        if end == 0:
            return
        entry = find_made(directory, name)
        process = process_or_none(directory)
        if process is not None and not may_look_into(process, LookAs.FILES):
            raise EACCES
        is_mapped = False
        permissions: u32 = 0
        if process is not None and not process.is_zombie:
            with process.space.lock:
                region = region_from(process.space, start)
                if region is not None and region.start == start and region.end == end and has_file(region):
                    is_mapped = True
                    permissions = permissions_of(region)
        if entry is not None and not is_mapped:
            discard(directory, entry)
        elif entry is None and is_mapped:
            add_link(directory, name, start // PAGE_SIZE, permissions)

    def list(self, directory: Inode, start: u64, records: Records) -> None:
        process = process_or_none(directory)
        if process is None or process.is_zombie or not may_look_into(process, LookAs.FILES):
            return
        address = start * PAGE_SIZE
        while address < USER_END and not records.is_full:
            with process.space.lock:
                address = list_some(directory, process.space, address, records)


REGIONS_AT_ONCE = 64
"""How many regions are looked at under one lock."""


def list_some(directory: Inode, space: AddressSpace, address: u64, records: Records) -> u64:
    """Tell the mappings of files among the next regions that begin at `address` or above, as long as there is room;
    returns where to go on. The lock of the space is held.
    """
    name = local_array(u8, NAME_LENGTH)
    writer = local(Writer)
    writer.buffer = name
    for _ in range(REGIONS_AT_ONCE):
        region = space.regions.at_or_above(address)
        if region is None:
            return USER_END
        if has_file(region):
            writer.length = 0
            writer(f"{region.start:x}-{region.end:x}")
            page = region.start // PAGE_SIZE
            if not records.add_made(name[0 : writer.length], link_number(directory, page), Kind.SYMLINK, page):
                return address
        address = region.end
    return address


def has_file(region: Region) -> bool:
    """Whether a file is mapped there."""
    return file_of(region) is not None


def permissions_of(region: Region) -> u32:
    """The permissions of a link: what the mapping may do."""
    allowed: u32 = 0o400 if region.terms.rights & u32(Protection.READ) != 0 else 0
    return allowed | (0o200 if region.shared and region.terms.rights & u32(Protection.WRITE) != 0 else 0)


def link_number(directory: Inode, page: u64) -> u64:
    """The inode number of a link."""
    return MADE_NUMBERS | TAG << TAG_SHIFT | (directory.about & ABOUT_THREAD) << NUMBER_BITS | page


def add_link(directory: Inode, name: Slice[u8], page: u64, permissions: u32) -> Fallible[None]:
    """Make the link about the mapping that begins with a page."""
    inode = directory.fs.new_inode(Kind.SYMLINK, permissions, 0, 0, True)
    with deferred(inode.drop):
        inode.made_link = MAPPED_FILE
        inode.be_about(directory.subject, about_number(directory.about, page))
        inode.described.number = link_number(directory, page)
        inode.described.size = LINK_SIZE
        keep_made(directory, name, inode)


def addresses_in(name: Slice[u8]) -> tuple[u64, u64]:
    """The two addresses that make a name; 0 and 0 for what is none."""
    dash = index_of(name, DASH)
    if dash == len(name):
        return 0, 0
    start, end = address_in(name[0:dash]), address_in(name[dash + 1 :])
    return (start, end) if start < end < USER_END else (0, 0)


def address_in(text: Slice[u8]) -> u64:
    """A hexadecimal number as the kernel writes it; 0 for anything else."""
    if len(text) == 0 or text[0] == 0x30:
        return 0
    for character in text:
        if 0x41 <= character <= 0x46:
            return 0
    try:
        return parse_unsigned(text, 16)
    except (EINVAL, ERANGE):
        return 0
