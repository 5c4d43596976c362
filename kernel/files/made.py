"""What the kernel makes when it is asked for: files, links and entries of directories (proc(5)), as interfaces.

An inode may refer to a `MadeFile`, a `MadeLink` or a `Population`, which kernel/views/ implements, and to the `Subject`
that it is about. What a population makes is looked after by made_entries.py.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from codegen.lang import Fallible, Interface, Slice, struct, u8, u64, width
from kernel.base.errno import EINVAL

if TYPE_CHECKING:
    from kernel.base.writer import Writer
    from kernel.files.attributes import Access
    from kernel.files.credentials import Credentials
    from kernel.files.file import FileOwner, OpenFile
    from kernel.files.inode import Inode
    from kernel.files.listing import Records
    from kernel.files.operations import FileOps


@width(u8)
class Guard(IntEnum):
    """Who may use what is about a process, beside what its permissions say."""

    NONE = 0
    OPEN_TO_ITSELF = 1
    """The process itself may in any case."""
    TRACERS_ONLY = 2
    """Only who may look into the process (ptrace(2))."""


class MadeFile(Interface):
    """A file whose contents the kernel makes."""

    def open(self, inode: Inode, owner: FileOwner) -> Fallible[FileOps]:
        """What an open file of `owner` does that is opened on `inode`; `FileOps.closed` frees it."""
        ...


@struct
class Destination:
    """Where a link of the kernel's leads: a file of a file system, or one that is open and in none."""

    inode: Inode | None = None
    opened: OpenFile | None = None


class MadeLink(Interface):
    """A link that leads where the kernel knows (proc(5), /proc/pid/fd), or a node that shows another one."""

    def read(self, link: Inode, writer: Writer) -> Fallible[None]:
        """Write what readlink(2) tells."""
        raise EINVAL

    def follow(self, link: Inode, destination: Destination) -> Fallible[bool]:
        """Set one of the fields of `destination`, lent; False where it leads to what it reads as."""
        return False


class Population(Interface):
    """Makes entries of a directory when they are asked for: for the folders of /proc that change by themselves.

    Such an entry `shadows`, as those for entries of a layer below do: listings do not find it, but ask `list`.
    """

    def populate(self, directory: Inode, name: Slice[u8]) -> Fallible[None]:
        """Bring the entry `name` up to date: make it, leave it or remove it."""
        ...

    def list(self, directory: Inode, start: u64, records: Records) -> None:
        """Tell the entries whose key is at least `start`, in the order of the keys, by `Records.add_made`."""
        ...

    def describe(self, directory: Inode) -> None:
        """Bring the attributes of the directory up to date."""
        return


class Subject(Interface):
    """What made files are about: a process, as long as there is one. Each of these inodes has a reference."""

    def hold(self) -> None:
        """One more reference."""
        ...

    def drop(self) -> None:
        """One reference less."""
        ...

    def describe(self, inode: Inode) -> None:
        """Bring the attributes of `inode` up to date."""
        ...

    def permits(self, inode: Inode, credentials: Credentials, wanted: Access) -> bool:
        """Whether the running thread may do all of `wanted` with `inode`."""
        ...
