"""The links of /proc/PID: what they say, and where they lead whatever they say (proc(5))."""

from __future__ import annotations

from codegen.lang import Fallible, Slice, comptime, deferred, struct, u8, uninitialised
from kernel.base.errno import EBADF, ENAMETOOLONG, ENOENT, ERANGE
from kernel.base.writer import Writer
from kernel.files.attributes import Kind
from kernel.files.file import OpenFile
from kernel.files.inode import Inode
from kernel.files.made import Destination, MadeLink
from kernel.files.names import shown_path
from kernel.files.path import SLASH
from kernel.files.path_buffer import PATH_BUFFERS
from kernel.process.process import Process
from kernel.sched.cpu import current
from kernel.views import console
from kernel.views.subject import descriptor_of, is_inside, living


@struct
class Self(MadeLink):
    """/proc/self: the process that asks."""

    def read(self, link: Inode, writer: Writer) -> Fallible[None]:
        if not is_inside(link):
            raise ENOENT
        writer(f"{current().process.pid}")


@struct
class ThreadSelf(MadeLink):
    """/proc/thread-self: the thread that asks."""

    def read(self, link: Inode, writer: Writer) -> Fallible[None]:
        if not is_inside(link):
            raise ENOENT
        writer(f"{current().process.pid}/task/{current().id}")


@struct
class FixedLink(MadeLink):
    """A link that says the same for everybody."""

    target: Slice[u8] = uninitialised()

    def read(self, link: Inode, writer: Writer) -> Fallible[None]:
        writer.text(self.target)


@comptime
def fixed(target: bytes) -> FixedLink:
    """A link to `target`."""
    made = FixedLink()
    made.target = target
    return made


@struct
class Executable(MadeLink):
    """exe: the program that runs."""

    def read(self, link: Inode, writer: Writer) -> Fallible[None]:
        write_path(executable_of(living(link)), writer)

    def follow(self, link: Inode, destination: Destination) -> Fallible[bool]:
        destination.inode = executable_of(living(link))
        return True


@struct
class WorkingDirectory(MadeLink):
    """cwd: the working directory."""

    def read(self, link: Inode, writer: Writer) -> Fallible[None]:
        write_path(living(link).directory, writer)

    def follow(self, link: Inode, destination: Destination) -> Fallible[bool]:
        destination.inode = living(link).directory
        return True


@struct
class Root(MadeLink):
    """root: the root directory."""

    def read(self, link: Inode, writer: Writer) -> Fallible[None]:
        write_path(living(link).root, writer)

    def follow(self, link: Inode, destination: Destination) -> Fallible[bool]:
        destination.inode = living(link).root
        return True


@struct
class DescriptorLink(MadeLink):
    """fd/N: what is open there."""

    def read(self, link: Inode, writer: Writer) -> Fallible[None]:
        file = file_behind(link)
        target = file.inode
        if target is not None:
            write_path(target, writer)
        else:
            write_title(file, writer)

    def follow(self, link: Inode, destination: Destination) -> Fallible[bool]:
        file = file_behind(link)
        destination.inode = file.inode
        if file.inode is None:
            destination.opened = file
        return True


def file_behind(link: Inode) -> Fallible[OpenFile]:
    """What is open as the descriptor that a link is about, lent. ENOENT once it is closed."""
    try:
        return living(link).files.get(descriptor_of(link))
    except EBADF:
        raise ENOENT from None


def write_title(file: OpenFile, writer: Writer) -> None:
    """What the text of a link calls an open file that is in no file system."""
    about = file.ops.attributes()
    match about.kind:
        case Kind.FIFO:
            writer(f"pipe:[{about.number}]")
        case Kind.SOCKET:
            writer(f"socket:[{about.number}]")
        case _:
            writer(f"anon_inode:{file.ops.title()}")


def executable_of(process: Process) -> Fallible[Inode]:
    """The file of the program, lent."""
    executable = process.executable
    if executable is None:
        raise ENOENT
    return executable.inode


def write_path(inode: Inode, writer: Writer) -> Fallible[None]:
    """The path of `inode` as the running thread names it. ENAMETOOLONG, ENOMEM."""
    process = current().process
    name = inode.target
    if inode.is_memory and name is None:
        writer.text(b"/dev/zero (deleted)")
        return
    if inode.is_memory and name is not None:
        writer.text(b"/")
        writer.text(name.text[0 : name.length])
        writer.text(b" (deleted)")
        return
    if inode.is_dead:
        writer.text(b"/ (deleted)")
        return
    entry = inode.entry
    if entry is not None and entry.name[0] == SLASH:
        writer.text(entry.name[1:])  # a namespace
        return
    if console.is_console(inode, process) and inode.fs.mounts is not process.container.mounts:
        writer.text(console.PATH)
        return
    buffer = PATH_BUFFERS.take()
    with deferred(PATH_BUFFERS.give_back, buffer):
        try:
            writer.text(buffer.text[0 : shown_path(inode, process.root, buffer.text[:])])
        except ERANGE:
            raise ENAMETOOLONG from None
