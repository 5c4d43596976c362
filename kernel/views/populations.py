"""Who makes the folders of /proc that change by themselves: processes, threads and descriptors (proc(5)).

An entry is made when it is first looked for, and looked at again whenever it is looked for; it is only a cache
(kernel/files/made_entries.py). Listings are made from the processes, threads and descriptors themselves.
"""

from __future__ import annotations

from codegen.lang import (
    Array,
    Errno,
    Fallible,
    Pid,
    Slice,
    array,
    deferred,
    local,
    local_array,
    struct,
    u8,
    u32,
    u64,
    uninitialised,
)
from kernel.base.errno import ESRCH
from kernel.base.text import DECIMAL_LENGTH, format_unsigned, parse_unsigned
from kernel.files.attributes import Kind
from kernel.files.inode import ABOUT_SHIFT, ABOUT_THREAD, Inode
from kernel.files.listing import Records
from kernel.files.made import MadeFile, MadeLink, Population
from kernel.files.made_entries import KEPT_ENTRIES, discard, find_made, keep_made, prune
from kernel.files.table import DESCRIPTORS_MAX
from kernel.process.identity import ProcessIdentity, identity_of
from kernel.process.process import Process
from kernel.sched.cpu import current
from kernel.views.subject import about_number, find_by_number, is_inside, process_of, thread_in

NO_NUMBER: u64 = 0xFFFF_FFFF_FFFF_FFFF
KEPT_PROCESSES: u64 = 256
"""How many folders of processes /proc keeps though nobody refers to them."""

FEW = 32


@struct
class LowestNumbers:
    """The lowest of many numbers from `start` on, in order: a part of a listing."""

    start: u64 = 0
    count: u64 = 0
    numbers: Array[u64] = array(FEW)

    def take(self, number: u64) -> None:
        """One of the many."""
        if number < self.start or (self.count == FEW and number > self.numbers[FEW - 1]):
            return
        place = self.count if self.count < FEW else FEW - 1
        while place > 0 and self.numbers[place - 1] > number:
            self.numbers[place] = self.numbers[place - 1]
            place -= 1
        self.numbers[place] = number
        self.count = min(self.count + 1, FEW)


@struct
class Processes(Population):
    """/proc itself: a folder for each process of the container; those of threads are there, but not listed."""

    template: Inode = uninitialised()

    def populate(self, directory: Inode, name: Slice[u8]) -> Fallible[None]:
        number = number_in(name)
        if number == NO_NUMBER or not is_inside(directory):
            return
        entry = find_made(directory, name)
        folder = None if entry is None else entry.inode
        process = find_by_number(Pid(number))
        if folder is not None:
            if process is not None and folder.subject is process.identity:
                return
            prune(folder)
        if process is not None:
            add_folder(directory, number, self.template, identity_of(process), KEPT_PROCESSES)

    def list(self, directory: Inode, start: u64, records: Records) -> None:
        if not is_inside(directory):
            return
        processes = current().process.container.numbers.processes
        process = processes.at_or_above(start)
        while process is not None:
            if not tell_folder(u64(process.pid), self.template, records):
                return
            process = processes.at_or_above(u64(process.pid) + 1)

    def describe(self, directory: Inode) -> None:
        """Its links count all processes, though most have no folder yet."""
        origin = directory.origin
        if origin is not None and is_inside(directory):
            count = len(current().process.container.processes)
            directory.described.links = origin.described.links + u32(min(count, LINKS_SHOWN))


@struct
class Threads(Population):
    """/proc/PID/task: a folder for each thread."""

    template: Inode = uninitialised()

    def populate(self, directory: Inode, name: Slice[u8]) -> Fallible[None]:
        number = number_in(name)
        if number == NO_NUMBER:
            return
        entry = find_made(directory, name)
        folder = None if entry is None else entry.inode
        process = process_or_none(directory)
        has_thread = process is not None and is_thread_of(process, Pid(number))
        if folder is not None:
            if has_thread:
                return
            prune(folder)
        if process is not None and has_thread:
            add_folder(directory, number, self.template, identity_of(process))

    def list(self, directory: Inode, start: u64, records: Records) -> None:
        process = process_or_none(directory)
        if process is None:
            return
        lowest = local(LowestNumbers)
        lowest.start = start
        for thread in process.threads:
            lowest.take(u64(thread.id))
        if process.threads.is_empty:
            lowest.take(u64(process.pid))
        list_folders(lowest, self.template, records)

    def describe(self, directory: Inode) -> None:
        process = process_or_none(directory)
        count = 0 if process is None else max(len(process.threads), 1)
        directory.described.links = 2 + u32(min(count, LINKS_SHOWN))


LINKS_SHOWN: u64 = 65_000
"""How many folders at most are counted as links of the one around them."""


def process_or_none(directory: Inode) -> Process | None:
    """The process that a folder is about, while there is one."""
    try:
        return process_of(directory)
    except ESRCH:
        return None


def is_thread_of(process: Process, number: Pid) -> bool:
    """Whether a thread of `process` has that number; a zombie's first thread is still shown."""
    return (process.threads.is_empty and process.pid == number) or thread_in(process, number) is not None


def add_folder(
    directory: Inode, number: u64, template: Inode, identity: ProcessIdentity, kept: u64 = KEPT_ENTRIES
) -> Fallible[None]:
    """A folder called `number` in `directory` that shows what `template` has, about that thread of a process."""
    inode = directory.fs.stand_in(template)
    inode.references = 1
    inode.be_about(identity, number)
    with deferred(inode.drop):
        inode.described.number = folder_number(number, template)
        digits = local_array(u8, DECIMAL_LENGTH)
        keep_made(directory, digits[format_unsigned(digits, number, 10) :], inode, kept)


def folder_number(number: u64, template: Inode) -> u64:
    """The inode number of the folder of a thread that shows `template`."""
    return number << ABOUT_SHIFT | template.described.number


def list_folders(lowest: LowestNumbers, template: Inode, records: Records) -> None:
    """Tell folders that show `template`."""
    for place in range(lowest.count):
        if not tell_folder(lowest.numbers[place], template, records):
            return


def tell_folder(number: u64, template: Inode, records: Records) -> bool:
    """Tell a folder that shows `template`; False if there is no room for it."""
    digits = local_array(u8, DECIMAL_LENGTH)
    name = digits[format_unsigned(digits, number, 10) :]
    return records.add_made(name, folder_number(number, template), Kind.DIRECTORY, number)


@struct
class Descriptors(Population):
    """/proc/PID/fd and fdinfo: an entry for each descriptor."""

    made: MadeFile | None = None
    made_link: MadeLink | None = None
    """Which of the two the entries are."""
    tag: u64 = 0
    """What tells inode numbers apart from those in the other folder."""

    def populate(self, directory: Inode, name: Slice[u8]) -> Fallible[None]:
        number = number_in(name)
        if number >= DESCRIPTORS_MAX:
            return
        entry = find_made(directory, name)
        process = process_or_none(directory)
        is_used = process is not None and is_descriptor(process, number)
        if entry is not None:
            inode = entry.inode
            if process is None or not is_used:
                discard(directory, entry)
            elif inode is not None:
                self.set_permissions(inode, process, number)
        elif process is not None and is_used:
            self.add(directory, process, number)

    def add(self, directory: Inode, process: Process, number: u64) -> Fallible[None]:
        """Make the entry of a descriptor."""
        inode = directory.fs.new_inode(self.kind, 0o444, 0, 0, True)
        with deferred(inode.drop):
            inode.made = self.made
            inode.made_link = self.made_link
            inode.be_about(directory.subject, about_number(directory.about, number))
            inode.described.number = self.inode_number(directory, number)
            self.set_permissions(inode, process, number)
            digits = local_array(u8, DECIMAL_LENGTH)
            keep_made(directory, digits[format_unsigned(digits, number, 10) :], inode)

    def set_permissions(self, inode: Inode, process: Process, number: u64) -> None:
        """The permissions of a link tell how its descriptor is opened."""
        file = process.files.used(number).file
        if self.made_link is not None and file is not None:
            about = inode.described
            about.size = LINK_SIZE
            about.permissions = 0
            if file.is_readable and not file.is_path_only:
                about.permissions = about.permissions | 0o500
            if file.is_writable and not file.is_path_only:
                about.permissions = about.permissions | 0o300

    @property
    def kind(self) -> Kind:
        """What the entries are."""
        return Kind.REGULAR if self.made_link is None else Kind.SYMLINK

    def inode_number(self, directory: Inode, number: u64) -> u64:
        """The inode number of an entry: the tag, that of the folder below it, and the descriptor."""
        return MADE_NUMBERS | self.tag << TAG_SHIFT | (directory.about & ABOUT_THREAD) << NUMBER_BITS | number

    def list(self, directory: Inode, start: u64, records: Records) -> None:
        process = process_or_none(directory)
        if process is None or process.is_zombie:
            return
        digits = local_array(u8, DECIMAL_LENGTH)
        number = process.files.next_used(start, DESCRIPTORS_MAX)
        while number < DESCRIPTORS_MAX:
            name = digits[format_unsigned(digits, number, 10) :]
            if not records.add_made(name, self.inode_number(directory, number), self.kind, number):
                return
            number = process.files.next_used(number + 1, DESCRIPTORS_MAX)


LINK_SIZE: u64 = 64
"""What Linux says of the length of each such link."""

MADE_NUMBERS: u64 = 1 << 63
TAG_SHIFT: u64 = 58
NUMBER_BITS: u64 = 36
"""Inode numbers of entries about descriptors and mappings, beside those of `Inode.number_of`, which are lower."""


def is_descriptor(process: Process, number: u64) -> bool:
    """Whether `process` has this descriptor."""
    return not process.is_zombie and process.files.next_used(number, number + 1) == number


def number_in(name: Slice[u8]) -> u64:
    """The number that `name` is, spelt as the kernel does; NO_NUMBER for anything else."""
    if len(name) == 0 or len(name) > 9 or (name[0] == 0x30 and len(name) > 1):
        return NO_NUMBER
    try:
        return parse_unsigned(name, 10)
    except Errno:
        return NO_NUMBER
