"""Execution: a file as the program that processes run (execve(2)).

Interface: `begin_execution`, for each file that execve(2) opens: the program, its script, its loader. Processes that
were forked from each other share one. `read_executable` reads what it says about itself.

While it lasts nobody opens the file to write to it, and it does not begin while somebody has it open so (ETXTBSY).
For those who watch the file it is an opening to be read.
"""

from __future__ import annotations

from codegen.lang import Fallible, MutableSlice, local, must_use, struct, u8, u64, uninitialised
from kernel.base.errno import ETXTBSY
from kernel.files.inode import Inode
from kernel.files.watch import Happening, notify
from kernel.memory.account import Account
from kernel.memory.buffer import Buffer
from kernel.memory.heap import free


@struct
class Execution:
    """One execution."""

    inode: Inode = uninitialised()
    """The file, held."""
    references: u64 = 1

    def hold(self) -> None:
        """One more process runs it."""
        self.references += 1

    def drop(self) -> None:
        """One process less; the last one lets go of the file."""
        self.references -= 1
        if self.references == 0:
            inode = self.inode
            free(self)
            inode.executions -= 1
            notify(inode, Happening.CLOSE_NO_WRITE)
            inode.drop()


@must_use
def begin_execution(account: Account, inode: Inode) -> Fallible[Execution]:
    """Begin to execute `inode`, whose hold it takes over; it is charged to `account`. ETXTBSY, ENOMEM."""
    notify(inode, Happening.OPEN)
    if inode.writers > 0:
        notify(inode, Happening.CLOSE_NO_WRITE)
        raise ETXTBSY
    made = account.heap.new(Execution)
    made.inode = inode
    inode.executions += 1
    if inode.described.size > 0:
        notify(inode, Happening.ACCESS)
    return made


def check_writable(inode: Inode) -> Fallible[None]:
    """ETXTBSY while the file is executed: nobody may begin to change it."""
    if inode.executions > 0:
        raise ETXTBSY


def read_executable(inode: Inode, offset: u64, destination: MutableSlice[u8]) -> Fallible[u64]:
    """Read at `offset` into memory of the kernel; how many bytes, fewer at the end of the file."""
    buffer = local(Buffer)
    buffer.over_kernel(destination)
    return inode.read(offset, buffer, True)
