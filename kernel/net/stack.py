"""NetworkStack: what a container has of the network; a container is a network namespace.

Interface: `create_stack`; `end` when the container ends. A stack that is not used takes no memory but this struct.

A stack lives as long as one of its sockets, which others may refer to when the container is gone; what it and they
take is paid for by the container around from then on (kernel/files/README.md, "Life and death").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import Atomic, Fallible, inline, must_use, struct, u64, uninitialised
from kernel.base.list import List
from kernel.base.lock_rank import LockRank
from kernel.base.spinlock import SpinLock
from kernel.base.tree import Tree
from kernel.files.file import FileOwner
from kernel.memory.account import Account
from kernel.memory.heap import free, owner_of
from kernel.sched.preemption import give_way

if TYPE_CHECKING:
    from kernel.net.unix.message import Message
    from kernel.net.unix.name import SocketName
    from kernel.net.unix.socket import UnixSocket

DATAGRAM_QUEUE: u64 = 10
"""net.unix.max_dgram_qlen, as Linux begins with it."""
BACKLOG_MAX: u64 = 4096
"""net.core.somaxconn, likewise."""


@struct
class NetworkStack:
    """The sockets of one container, and what is set for all of them."""

    files: FileOwner = uninitialised()
    """Who open files for its sockets belong to, until `has_ended`."""
    container: u64 = 0
    """The id of the container: who a process is that sent something is known by it and a pid."""
    has_ended: bool = False
    """The container is destroyed: its sockets are dead, and get no files any more."""
    datagram_queue: u64 = DATAGRAM_QUEUE
    """How many messages may wait at a socket for who is not its peer; for sockets that are made from now on."""
    backlog_max: u64 = BACKLOG_MAX
    """How many connections may wait at a socket at most, whatever listen(2) asks for."""
    references: Atomic[u64] = inline()
    in_flight: Atomic[u64] = inline()
    """How many descriptors were sent from here and have not arrived."""

    lock: SpinLock = inline(SpinLock(LockRank.SOCKET_TABLE))
    sockets: List[UnixSocket] = inline()
    """All that there are, also those that were closed and are still referred to."""
    abstract: Tree[SocketName] = inline()
    """The names that are not in the file system, by a hash of name and kind."""
    last_autobound: u64 = 0
    """The number that was given as a name last."""
    abroad: List[Message] = inline()
    """The messages that were sent from here and are in queues of other containers."""

    @property
    def account(self) -> Account:
        """Who pays for what is made now."""
        return owner_of(self)

    def hold(self) -> None:
        """One more socket."""
        self.references.fetch_add(1)

    def drop(self) -> None:
        """One socket less, or the container has ended; the last one frees the stack."""
        if self.references.fetch_sub(1) == 1:
            free(self)

    def end(self) -> u64:
        """The container ends, and its files were revoked. How many objects of the stack others still refer to."""
        self.has_ended = True
        while self.recall_message():
            give_way()
        with self.lock:
            count = self.sockets.count
        self.drop()
        return count

    def recall_message(self) -> bool:
        """Take what was sent from here out of one queue of another container; whether there is more to be done.

        What is just being read stays until it has been.
        """
        with self.lock:
            message = self.abroad.first
            if message is None:
                return False
            queue = message.queue
            assert queue is not None, "what is abroad is in a queue"
            queue.hold()
        recalled = queue.recall(self)
        queue.drop()
        return recalled


@must_use
def create_stack(files: FileOwner, container: u64) -> Fallible[NetworkStack]:
    """The stack of the container with this id, to whose `files` and their account all belongs. ENOMEM."""
    stack = files.account.heap.new(NetworkStack)
    stack.files = files
    stack.container = container
    stack.references.store(1)
    return stack
