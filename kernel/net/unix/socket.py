"""UnixSocket: one socket of AF_UNIX (unix(7)), as what stands behind an open file.

Interface: the methods here are for the life of a socket. It is made in creation.py; what it does is in transfer.py (to
send and to receive), connection.py and bind.py.

Each socket has a queue of what it has received, which others put messages into, and a `peer`, whose queue is where it
sends to. A connection is two sockets that are each other's peer; one that waits to be accepted is on the list `pending`
of its listener, has no open file yet, and belongs to the container of the listener.

Invariants
- Whoever keeps a reference to a socket beyond a lock counts in `references`: its open file or listener, those who have
  it as peer, messages that it has sent, calls in progress. The last one frees it; its queue is empty by then.
- Closing it, or the end of its container, sets `is_dead`. Nothing is put into its queue from then on, and who sleeps
  here is woken and finds that out.
- At most one lock of rank SOCKET is held at a time: what concerns two sockets is done to one after the other.
"""

from __future__ import annotations

from enum import IntEnum

from codegen.lang import (
    Atomic,
    Fallible,
    UserAddr,
    errno_of,
    field_offset,
    hot,
    i32,
    i64,
    inline,
    must_use,
    struct,
    u8,
    u32,
    u64,
    uninitialised,
    width,
)
from kernel.base.errno import ECONNRESET, EIO
from kernel.base.list import Link, List
from kernel.base.lock_rank import LockRank
from kernel.base.spinlock import SpinLock
from kernel.files.attributes import Attributes
from kernel.files.file import OpenFile, open_file
from kernel.files.flags import OpenFlags
from kernel.files.operations import Events, FileOps
from kernel.files.poll import readiness_changed
from kernel.files.route import Band
from kernel.files.signalled import SignalledFiles
from kernel.memory.buffer import Buffer
from kernel.memory.heap import free
from kernel.net.socket.kind import SocketKind
from kernel.net.socket.options import SocketOptions
from kernel.net.socket.waiters import Waiters
from kernel.net.stack import NetworkStack
from kernel.net.unix import collect, control, ending, queue, readiness, rights, transfer
from kernel.net.unix.message import Message
from kernel.net.unix.name import SocketName
from kernel.net.unix.peer import PeerIdentity
from kernel.net.unix.rights import Passed


@width(u8)
class State(IntEnum):
    """How far a socket of a connection is."""

    UNCONNECTED = 0
    CONNECTING = 1
    """connect(2) has found a listener, and is about to put a socket on its list."""
    CONNECTED = 2
    LISTENING = 3


@struct
class UnixSocket(FileOps):
    """One socket."""

    # Constant after it is made.
    stack: NetworkStack = uninitialised()
    """Of the container that pays for it and for what is sent from it; it is held."""
    kind: SocketKind = SocketKind.STREAM
    source: u64 = 0
    """That of changes of its readiness, for poll(2)."""
    queue_limit: u64 = 0
    """How many messages may wait here for who is not its peer (SOCK_DGRAM)."""

    # Each by itself.
    references: Atomic[u64] = inline()
    charged: Atomic[u64] = inline()
    """The memory of messages that were sent from here and are still in queues."""
    arrivals: Atomic[u64] = inline()
    """How often something happened that a reader may wait for; `departures`: a writer; `vacancies`: a visitor."""
    departures: Atomic[u64] = inline()
    vacancies: Atomic[u64] = inline()
    file: OpenFile | None = None
    name: SocketName | None = None
    """Set once, by bind(2)."""
    options: SocketOptions = inline()
    described: Attributes = inline()
    readers: Waiters = inline()
    """Who waits for a message or a connection."""
    senders: Waiters = inline()
    """Who waits until messages that were sent from here have been received."""
    visitors: Waiters = inline()
    """Who waits for room in the queue here, or on the list of connections."""
    turns: Waiters = inline()
    """Who waits until another reader is done."""
    asynchronous: SignalledFiles = inline()
    stack_link: Link[UnixSocket] = inline()
    """Under the lock of the stack."""
    pending_link: Link[UnixSocket] = inline()
    """Under the lock of the listener."""

    # Under IN_FLIGHT.lock.
    flights: List[Passed] = inline()
    """The descriptors in queues that refer to this socket."""
    search_link: Link[UnixSocket] = inline()
    listener: UnixSocket | None = None
    """On whose list it waits to be accepted."""

    lock: SpinLock = inline(SpinLock(LockRank.SOCKET))
    state: State = State.UNCONNECTED
    is_dead: bool = False
    is_binding: bool = False
    is_reading: bool = False
    """A thread copies from messages in the queue: nobody else takes any."""
    receive_ended: bool = False
    """shutdown(2), here for this half or there for the other one."""
    send_ended: bool = False
    error: i32 = 0
    """What the next call fails with, once (SO_ERROR)."""
    peer: UnixSocket | None = None
    messages: List[Message] = inline(List(Message.link))
    queued: u64 = 0
    """How many bytes there are in the queue."""
    spare: Message | None = None
    """A small message for what is sent next, empty."""
    pending: List[UnixSocket] = inline()
    """The connections that wait to be accepted."""
    backlog: u64 = 0
    peer_identity: PeerIdentity = inline()

    # What it is. The lock is held.

    @property
    def is_connected(self) -> bool:
        """Whether it has had a connection."""
        return self.state == State.CONNECTED

    @property
    def is_listening(self) -> bool:
        """Whether it takes connections."""
        return self.state == State.LISTENING

    @property
    def is_unconnected(self) -> bool:
        """Whether it is for a connection, and has none yet."""
        return self.kind != SocketKind.DATAGRAM and (self.state == State.UNCONNECTED or self.state == State.CONNECTING)

    # References.

    @hot
    def hold(self) -> None:
        """One more reference."""
        self.references.fetch_add(1)

    @hot
    def drop(self) -> None:
        """One reference less; the last one frees it."""
        if self.references.fetch_sub(1) == 1:
            self.free()

    def free(self) -> None:
        """Nothing refers to it, and it was closed."""
        stack = self.stack
        with stack.lock:
            stack.sockets.remove(self)
        own_name = self.name
        if own_name is not None:
            free(own_name)
        with self.lock:
            self.peer_identity.release()
        free(self)
        stack.drop()

    def held_peer(self) -> UnixSocket | None:
        """The peer, with a reference of the caller's."""
        with self.lock:
            peer = self.peer
            if peer is not None:
                peer.hold()
            return peer

    @property
    def owner(self) -> UnixSocket:
        """Who has an open file: itself, or the listener that it waits at. IN_FLIGHT.lock is held."""
        listener = self.listener
        return self if listener is None else listener

    # Opening.

    @must_use
    def open(self, nonblocking: bool) -> Fallible[OpenFile]:
        """An open file for the socket, of its container; one reference, the caller's. ENOMEM, EIO.

        It has the caller's reference to the socket from now on.
        """
        if self.stack.has_ended:
            raise EIO
        flags = OpenFlags.READ_WRITE | OpenFlags.NONBLOCK if nonblocking else OpenFlags.READ_WRITE
        file = open_file(self.stack.files, self, None, flags)
        file.source = self.source
        self.file = file
        return file

    # What others do to it.

    def end(self, receiving: bool, sending: bool, with_error: bool) -> None:
        """The other end has closed, or ended what it sends or receives: these halves are over here, too."""
        with self.lock:
            if receiving:
                self.receive_ended = True
            if sending:
                self.send_ended = True
            if with_error:
                self.error = ECONNRESET.code
        self.tell_changed()
        if receiving:
            self.asynchronous.tell(Band.HANG_UP if sending else Band.INPUT)

    def tell_changed(self) -> None:
        """Everybody who waits here looks again."""
        self.arrivals.fetch_add(1)
        self.departures.fetch_add(1)
        self.readers.wake()
        self.senders.wake()
        self.visitors.wake()
        self.turns.wake()
        readiness_changed(self.source)

    def tell_connection(self) -> None:
        """A connection waits to be accepted."""
        self.arrivals.fetch_add(1)
        self.readers.wake_one()
        readiness_changed(self.source)
        self.asynchronous.tell(Band.INPUT)

    @hot
    def tell_message(self) -> None:
        """A message was put into the queue."""
        self.arrivals.fetch_add(1)
        self.readers.wake()
        readiness_changed(self.source)
        self.asynchronous.tell(Band.INPUT)

    @hot
    def discharge(self, charge: u64) -> None:
        """A message that was sent from here is freed: there is room for others, if not much is left."""
        left = self.charged.fetch_sub(charge) - charge
        if left * 4 <= self.options.send_buffer:
            self.departures.fetch_add(1)
            self.senders.wake()
            readiness_changed(self.source)

    @hot
    def take_spare(self) -> Message | None:
        """The small message that was kept; it is the caller's."""
        with self.lock:
            spare = self.spare
            self.spare = None
            return spare

    @hot
    def keep(self, message: Message) -> bool:
        """Keep a small message that was sent from here for the next one, unless there is one, or there will be none."""
        with self.lock:
            if self.spare is not None or self.is_dead:
                return False
            message.clear()
            self.spare = message
            return True

    def recall(self, stack: NetworkStack) -> bool:
        """`stack` ends: take what was sent from there out of the queue; whether there was anything."""
        found = queue.recall(self, stack)
        rights.work_off()
        return found

    def is_full_for(self, sender: UnixSocket) -> bool:
        """Whether `sender` has to wait until messages have been received here: not if the two are each other's peer."""
        with self.lock:
            return self.peer is not sender and self.messages.count > self.queue_limit and not self.is_dead

    # Errors.

    def take_error_code(self) -> i32:
        """The error that is to be told once; 0: none."""
        with self.lock:
            code = self.error
            self.error = 0
            return code

    def check_error(self) -> Fallible[None]:
        """Fail with the error that is to be told, if there is one."""
        code = self.take_error_code()
        if code != 0:
            raise errno_of(code)

    def set_error(self, code: i32) -> None:
        """Let the next call fail with the error `code`."""
        with self.lock:
            self.error = code

    # FileOps.

    @hot
    def read(self, offset: u64, buffer: Buffer, wait: bool) -> Fallible[u64]:
        return transfer.read(self, buffer, wait)

    @hot
    def write(self, offset: u64, buffer: Buffer, wait: bool) -> Fallible[u64]:
        return transfer.write(self, buffer, wait)

    def attributes(self) -> Attributes:
        return self.described

    def readiness(self) -> Events:
        return readiness.events_of(self)

    def signalled(self) -> SignalledFiles | None:
        return self.asynchronous

    def changes(self, events: u32) -> u64:
        return readiness.changes_of(self, events)

    def control(self, request: u32, argument: UserAddr) -> Fallible[i64]:
        return control.control(self, request, argument)

    def unreachable(self) -> None:
        collect.collect(self, field_offset(UnixSocket.search_link))

    def closed(self) -> None:
        self.file = None
        ending.close(self)
        self.drop()

    def revoked(self) -> None:
        self.file = None
        ending.close(self)
        rights.forget_flights(self)

    @staticmethod
    def behind(file: OpenFile) -> UnixSocket | None:
        """The socket that an open file is, if it is one."""
        ops = file.ops
        return ops if isinstance(ops, UnixSocket) else None
