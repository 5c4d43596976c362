"""Making a socket."""

from __future__ import annotations

from codegen.lang import Atomic, Fallible, address_of, field_offset, inline, must_use, struct, u64
from kernel.files.attributes import SOCKET_DEVICE, Kind
from kernel.files.credentials import Credentials
from kernel.files.poll import source_of
from kernel.machine.clock import wall_time
from kernel.net.socket.kind import SocketKind
from kernel.net.stack import NetworkStack
from kernel.net.unix.socket import UnixSocket


@struct
class Numbers:
    """The source of the inode numbers of sockets."""

    made: Atomic[u64] = inline()


NUMBERS = Numbers()


@must_use
def new_socket(stack: NetworkStack, kind: SocketKind, credentials: Credentials) -> Fallible[UnixSocket]:
    """A socket without a peer or a file, charged to `stack`; one reference, the caller's. ENOMEM."""
    socket = stack.account.heap.new(UnixSocket)
    socket.stack = stack
    stack.hold()
    socket.kind = kind
    socket.source = source_of(address_of(socket))
    socket.queue_limit = stack.datagram_queue
    socket.references.store(1)
    about = socket.described
    about.kind = Kind.SOCKET
    about.permissions = 0o777
    about.user = credentials.user
    about.group = credentials.group
    about.links = 1
    about.number = NUMBERS.made.fetch_add(1) + 1
    about.file_system = SOCKET_DEVICE
    about.begin(wall_time())
    with stack.lock:
        stack.sockets.offset = field_offset(UnixSocket.stack_link)
        stack.sockets.push_last(socket)
    return socket
