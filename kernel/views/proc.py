"""/proc: what a process sees of itself, its container and the machine (proc(5)).

Interface: `create_proc` makes the tree once; every container shows it by `RamFs.cover`. The texts are made
when they are read, for the process that reads them: so one tree serves all, and nothing of another container
can appear.
"""

from __future__ import annotations

from codegen.lang import Fallible, MutableSlice, Slice, deferred, local, struct, u8, u32, u64
from kernel.base.errno import ENOENT
from kernel.files import tree
from kernel.files.attributes import Kind
from kernel.files.inode import Inode, View
from kernel.files.path import path_of
from kernel.files.ramfs import RamFs, create_file_system
from kernel.memory import frames
from kernel.memory.account import NO_LIMIT, Account
from kernel.sched.cpu import current
from kernel.sched.timer import now
from kernel.views.writer import Writer

PROC_LAYER = 4097
"""Inode numbers of their own for /proc, away from those of any container's layers."""

KIBIBYTES_PER_PAGE: u64 = 4
SECOND: u64 = 1_000_000_000
HUNDREDTH: u64 = 10_000_000


@struct
class ExecutableLink(View):
    """/proc/self/exe: the path of the program that runs."""

    def produce(self, destination: MutableSlice[u8]) -> Fallible[u64]:
        process = current().process
        executable = process.executable
        if executable is None:
            raise ENOENT
        return path_of(executable, process.root, destination)


@struct
class DirectoryLink(View):
    """/proc/self/cwd: the working directory."""

    def produce(self, destination: MutableSlice[u8]) -> Fallible[u64]:
        process = current().process
        return path_of(process.directory, process.root, destination)


@struct
class RootLink(View):
    """/proc/self/root: the root directory, as the process itself names it."""

    def produce(self, destination: MutableSlice[u8]) -> Fallible[u64]:
        destination[0] = 0x2F
        return 1


@struct
class CommandName(View):
    """/proc/self/comm: the name of the process."""

    def produce(self, destination: MutableSlice[u8]) -> Fallible[u64]:
        name = current().process.name
        writer = local(Writer)
        writer.buffer = destination
        for index in range(u64(len(name))):
            if name[index] == 0:
                writer.text(name[0:index])
                break
        writer.text(b"\n")
        return writer.length


@struct
class MemoryInformation(View):
    """/proc/meminfo: memory as the container has it, its limit as the total."""

    def produce(self, destination: MutableSlice[u8]) -> Fallible[u64]:
        free, total = frames.counts()
        pages = current().process.container.account.pages
        if pages.limit != NO_LIMIT:
            total = min(total, pages.limit)
            free = min(free, pages.limit - min(pages.used, pages.limit))
        writer = local(Writer)
        writer.buffer = destination
        writer(f"MemTotal:       {total * KIBIBYTES_PER_PAGE} kB\n")
        writer(f"MemFree:        {free * KIBIBYTES_PER_PAGE} kB\n")
        writer(f"MemAvailable:   {free * KIBIBYTES_PER_PAGE} kB\n")
        writer.text(b"Buffers:        0 kB\nCached:         0 kB\nSwapTotal:      0 kB\nSwapFree:       0 kB\n")
        return writer.length


@struct
class Uptime(View):
    """/proc/uptime: seconds since the start, and those in which the processor was idle."""

    def produce(self, destination: MutableSlice[u8]) -> Fallible[u64]:
        moment = now()
        hundredths = moment % SECOND // HUNDREDTH
        writer = local(Writer)
        writer.buffer = destination
        writer(f"{moment // SECOND}.{hundredths // 10}{hundredths % 10} 0.00\n")
        return writer.length


@struct
class Mounts(View):
    """/proc/self/mounts: the file systems, of which a container has one."""

    def produce(self, destination: MutableSlice[u8]) -> Fallible[u64]:
        writer = local(Writer)
        writer.buffer = destination
        writer.text(b"tmpfs / tmpfs rw,relatime 0 0\n")
        return writer.length


EXECUTABLE = ExecutableLink()
DIRECTORY = DirectoryLink()
ROOT = RootLink()
COMMAND_NAME = CommandName()
MEMORY_INFORMATION = MemoryInformation()
UPTIME = Uptime()
MOUNTS = Mounts()


def create_proc(account: Account) -> Fallible[RamFs]:
    """The tree of /proc, charged to `account`."""
    fs = create_file_system(account, None, PROC_LAYER)
    myself = fs.new_inode(Kind.DIRECTORY, 0o555, 0, 0)
    with deferred(myself.drop):
        tree.attach(fs.root, b"self", myself)
        add_view(myself, b"exe", Kind.SYMLINK, EXECUTABLE)
        add_view(myself, b"cwd", Kind.SYMLINK, DIRECTORY)
        add_view(myself, b"root", Kind.SYMLINK, ROOT)
        add_view(myself, b"comm", Kind.REGULAR, COMMAND_NAME)
        add_view(myself, b"mounts", Kind.REGULAR, MOUNTS)
    add_view(fs.root, b"meminfo", Kind.REGULAR, MEMORY_INFORMATION)
    add_view(fs.root, b"uptime", Kind.REGULAR, UPTIME)
    mounts = fs.new_inode(Kind.SYMLINK, 0o777, 0, 0)
    with deferred(mounts.drop):
        fs.set_target(mounts, b"self/mounts")
        tree.attach(fs.root, b"mounts", mounts)
    return fs


def add_view(parent: Inode, name: Slice[u8], kind: Kind, view: View) -> Fallible[None]:
    """Make a file or link in `parent` whose text `view` makes."""
    permissions: u32 = 0o777 if kind == Kind.SYMLINK else 0o444
    inode = parent.fs.new_inode(kind, permissions, 0, 0)
    with deferred(inode.drop):
        inode.view = view
        tree.attach(parent, name, inode)
