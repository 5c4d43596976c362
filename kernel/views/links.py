"""The links of /proc/PID: what they say, and where they lead whatever they say (proc(5))."""

from __future__ import annotations

from codegen.lang import Errno, Fallible, MutableSlice, Slice, local_array, struct, u8, u64
from kernel.base.errno import ENOENT
from kernel.base.writer import Writer
from kernel.files.attributes import Kind
from kernel.files.file import OpenFile
from kernel.files.inode import Destination, Inode, MagicLink, View
from kernel.files.path import path_of
from kernel.files.watch import LostName
from kernel.process.process import Process
from kernel.sched.cpu import current
from kernel.views import console
from kernel.views.subject import descriptor_of, process_of

PATH_LENGTH = 1024


@struct
class Self(View):
    """/proc/self: the process that asks."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        writer(f"{current().process.pid}")


@struct
class ThreadSelf(View):
    """/proc/thread-self: the thread that asks."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        writer(f"{current().process.pid}/task/{current().id}")


@struct
class Executable(View, MagicLink):
    """exe: the program that runs."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        process = process_of(inode)
        write_path(executable_of(process), process, writer)

    def follow(self, link: Inode, destination: Destination) -> Fallible[None]:
        destination.inode = executable_of(process_of(link))


@struct
class WorkingDirectory(View, MagicLink):
    """cwd: the working directory."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        process = living(process_of(inode))
        write_path(process.directory, process, writer)

    def follow(self, link: Inode, destination: Destination) -> Fallible[None]:
        destination.inode = living(process_of(link)).directory


@struct
class Root(View, MagicLink):
    """root: the root directory, as the process itself names it."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        living(process_of(inode))
        writer.text(b"/")

    def follow(self, link: Inode, destination: Destination) -> Fallible[None]:
        destination.inode = living(process_of(link)).root


@struct
class DescriptorLink(View, MagicLink):
    """fd/N: what is open there."""

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        process = living(process_of(inode))
        file = process.files.get(descriptor_of(inode))
        target = file.inode
        if target is not None:
            write_path(target, process, writer)
        else:
            about = file.ops.attributes()
            writer.text(word_for(about.kind))
            writer(f":[{about.number}]")

    def follow(self, link: Inode, destination: Destination) -> Fallible[None]:
        file: OpenFile = living(process_of(link)).files.get(descriptor_of(link))
        destination.inode = file.inode
        if file.inode is None:
            destination.opened = file


def word_for(kind: Kind) -> Slice[u8]:
    """What the text of a link calls an open file that has no path."""
    if kind == Kind.FIFO:
        return b"pipe"
    return b"socket" if kind == Kind.SOCKET else b"anon_inode"


def living(process: Process) -> Fallible[Process]:
    """`process`, or ENOENT once it has nothing left to show."""
    if process.is_zombie:
        raise ENOENT
    return process


def executable_of(process: Process) -> Fallible[Inode]:
    """The file of the program, lent."""
    executable = process.executable
    if executable is None:
        raise ENOENT
    return executable.inode


def write_path(inode: Inode, process: Process, writer: Writer) -> None:
    """The path of `inode` as `process` names it."""
    name = inode.target
    if inode.is_memory and name is not None:
        writer.text(b"/")
        writer.text(name.text[0 : name.length])
        writer.text(b" (deleted)")
        return
    buffer = local_array(u8, PATH_LENGTH)
    lost = inode.lost_name
    if lost is not None and inode.names == 0:
        write_lost_path(lost, process, buffer, writer)
        return
    try:
        writer.text(buffer[0 : path_of(inode, process.root, buffer)])
    except Errno:
        if console.is_console(inode, process):
            writer.text(console.PATH)
        else:
            write_path_elsewhere(inode, buffer, writer)


def write_lost_path(lost: LostName, process: Process, buffer: MutableSlice[u8], writer: Writer) -> None:
    """The path that a file had before it was removed. A directory that is itself gone is shown as the root."""
    length: u64 = 0
    try:
        length = path_of(lost.directory, process.root, buffer)
    except Errno:
        length = 0
    if length > 1:
        writer.text(buffer[0:length])
    writer.text(b"/")
    writer.text(lost.name)
    writer.text(b" (deleted)")


def write_path_elsewhere(inode: Inode, buffer: MutableSlice[u8], writer: Writer) -> None:
    """The path of what is not below the root of a process: in its own file system, as d_path() of Linux has it."""
    try:
        if inode.is_dead:
            raise ENOENT
        writer.text(buffer[0 : path_of(inode, inode.fs.root, buffer)])
    except Errno:
        writer.text(b"/ (deleted)")
