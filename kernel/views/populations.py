"""Who makes the folders of /proc that change by themselves: processes, threads and descriptors (proc(5)).

An entry is made when it is first looked for. Process.release removes the folder of a process with all in it; what is in
`task` and `fd` is compared with the threads and descriptors there are, each time that somebody looks.
"""

from __future__ import annotations

from codegen.lang import Errno, Fallible, Pid, Slice, deferred, local_array, struct, u8, u64, uninitialised
from kernel.base.text import DECIMAL_LENGTH, format_unsigned, parse_unsigned
from kernel.files import tree
from kernel.files.attributes import Kind
from kernel.files.inode import Inode, MagicLink, Population, View
from kernel.files.table import DESCRIPTORS_MAX
from kernel.process.process import Process
from kernel.sched.cpu import current
from kernel.views.subject import PID_BITS, find_thread, is_inside, process_of, subject_of_descriptor

HIGHEST_NAME: u64 = 0x7FFF_FFFF


@struct
class Processes(Population):
    """/proc itself: a folder for each process of the container."""

    template: Inode = uninitialised()

    def populate(self, directory: Inode, name: Slice[u8]) -> Fallible[None]:
        if not is_inside(directory) or not (len(name) == 0 or is_digit(name[0])):
            return
        wanted = number_in(name)
        for process in current().process.container.processes:
            if process.shown is None and (len(name) == 0 or u64(process.pid) == wanted):
                self.show(directory, process)

    def show(self, directory: Inode, process: Process) -> Fallible[None]:
        """Make the folder of `process`."""
        inode = add_stand_in(directory, u64(process.pid), self.template)
        with deferred(inode.drop):
            inode.described.user = process.credentials.user
            inode.described.group = process.credentials.group
            process.shown = inode


@struct
class Threads(Population):
    """/proc/PID/task: a folder for each thread."""

    template: Inode = uninitialised()

    def populate(self, directory: Inode, name: Slice[u8]) -> Fallible[None]:
        process = process_of(directory)
        forget_ended(directory, process)
        wanted = number_in(name)
        for thread in process.threads:
            number = u64(thread.id)
            if (len(name) == 0 or number == wanted) and not has_number(directory, number):
                inode = add_stand_in(directory, number, self.template)
                inode.subject = number
                inode.drop()


def forget_ended(directory: Inode, process: Process) -> None:
    """Remove the folders of threads that are no more."""
    entry = tree.first_entry(directory)
    while entry is not None:
        following = tree.following_entry(directory, entry)
        inode = entry.inode
        if inode is not None and find_thread(process, Pid(inode.subject & PID_BITS)) is None:
            tree.prune(inode)
        entry = following


@struct
class Descriptors(Population):
    """/proc/PID/fd: a link for each descriptor."""

    view: View = uninitialised()
    magic: MagicLink = uninitialised()

    def populate(self, directory: Inode, name: Slice[u8]) -> Fallible[None]:
        process = process_of(directory)
        if process.is_zombie:
            return
        if len(name) > 0:
            number = number_in(name)
            if number < DESCRIPTORS_MAX:
                self.renew(directory, process, number)
            return
        forget_closed(directory, process)
        number = process.files.next_used(0, DESCRIPTORS_MAX)
        while number < DESCRIPTORS_MAX:
            self.renew(directory, process, number)
            number = process.files.next_used(number + 1, DESCRIPTORS_MAX)

    def renew(self, directory: Inode, process: Process, number: u64) -> Fallible[None]:
        """Let the link of one descriptor be there if, and only if, it is in use."""
        is_used = process.files.next_used(number, number + 1) == number
        if is_used == has_number(directory, number):
            return
        digits = local_array(u8, DECIMAL_LENGTH)
        name = digits[format_unsigned(digits, number, 10) :]
        if not is_used:
            tree.discard(directory, tree.own_entry(directory, name))
            return
        credentials = process.credentials
        inode = directory.fs.new_inode(Kind.SYMLINK, 0o700, credentials.user, credentials.group)
        with deferred(inode.drop):
            inode.view = self.view
            inode.magic = self.magic
            inode.subject = subject_of_descriptor(directory.subject, number)
            tree.attach(directory, name, inode)


def forget_closed(directory: Inode, process: Process) -> None:
    """Remove the links of descriptors that were closed."""
    entry = tree.first_entry(directory)
    while entry is not None:
        following = tree.following_entry(directory, entry)
        number = number_in(entry.name)
        if process.files.next_used(number, number + 1) != number:
            tree.discard(directory, entry)
        entry = following


def add_stand_in(directory: Inode, number: u64, template: Inode) -> Fallible[Inode]:
    """A folder called `number` in `directory`, held, that shows what `template` has."""
    inode = directory.fs.stand_in(template)
    inode.references = 1
    inode.subject = number
    inode.described.number = directory.fs.take_number()
    digits = local_array(u8, DECIMAL_LENGTH)
    try:
        tree.attach(directory, digits[format_unsigned(digits, number, 10) :], inode)
    except Errno:
        inode.drop()
        raise
    return inode


def has_number(directory: Inode, number: u64) -> bool:
    """Whether `directory` has an entry called `number`."""
    digits = local_array(u8, DECIMAL_LENGTH)
    entries = directory.entries
    return entries is not None and entries.find(digits[format_unsigned(digits, number, 10) :]) is not None


def is_digit(character: u8) -> bool:
    """Whether `character` is a decimal digit."""
    return 0x30 <= character <= 0x39


def number_in(name: Slice[u8]) -> u64:
    """The number that `name` is, spelt as the kernel does; HIGHEST_NAME for anything else."""
    if len(name) == 0 or len(name) > 9 or (name[0] == 0x30 and len(name) > 1):
        return HIGHEST_NAME
    try:
        return parse_unsigned(name, 10)
    except Errno:
        return HIGHEST_NAME
