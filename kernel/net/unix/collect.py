"""Finding sockets that only reach each other, by descriptors in their queues: nobody can ever close those.

Interface: `collect`, called when an open file that is a socket has no references any more but those in queues.

That is the only moment at which sockets become unreachable, and then this one is among them. It is reachable if one of
the sockets in whose queues it is can be read by somebody, or is reachable itself: so the search goes from holder to
holder, and ends at the first that has a reference elsewhere. If it finds none, nobody can receive what is in the queues
of all that it has met: they are emptied, and what they held closes by itself. (Linux searches all sockets in flight
when any socket closes: net/unix/garbage.c.)

A container may have IN_FLIGHT_MAX descriptors in queues, which bounds the length of a search.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import inline, local, struct, u64
from kernel.base.list import List
from kernel.net.unix.queue import discard_all
from kernel.net.unix.rights import IN_FLIGHT, work_off

if TYPE_CHECKING:
    from kernel.net.unix.socket import UnixSocket

IN_FLIGHT_MAX: u64 = 16_384


@struct
class Search:
    """The sockets that a search has met, in order."""

    met: List[UnixSocket] = inline()

    def is_reachable(self) -> bool:
        """Whether anybody can receive from one of the sockets met, or from one that holds one of them, and so on.

        IN_FLIGHT.lock is held. All whom the search comes to are `met` afterwards.
        """
        socket = self.met.first
        while socket is not None:
            for passed in socket.flights:
                holder = passed.holder
                if holder is None or self.can_be_received_from(holder.owner):
                    return True
            socket = socket.search_link.next
        return False

    def can_be_received_from(self, holder: UnixSocket) -> bool:
        """Whether there is a reference to `holder` outside of queues; if not, it is met."""
        file = holder.file
        if file is None or file.references > file.in_flight:
            return True
        if not holder.search_link.linked:
            self.met.push_last(holder)
        return False


def collect(socket: UnixSocket, link: u64) -> None:
    """The open file of `socket` has references in queues only: empty all queues that nobody can receive from now.

    `link` is where the link of searches is in a socket.
    """
    search = local(Search)
    search.met.offset = link
    with IN_FLIGHT.lock:
        search.met.push_last(socket)
        if search.is_reachable():
            while search.met.pop_first() is not None:
                pass
            return
        for member in search.met:
            member.hold()
    while True:
        with IN_FLIGHT.lock:
            unreachable = search.met.pop_first()
        if unreachable is None:
            break
        discard_all(unreachable)
        unreachable.drop()
    work_off()
