"""Making pipes (pipe(2)).

Interface: `make_pipe` gives the two ends as open files; `create_pipe` is for FIFOs, whose ends are opened by name.
"""

from __future__ import annotations

from codegen.lang import Fallible, address_of, on_error, struct, u32, u64
from kernel.files.attributes import Attributes, Kind
from kernel.files.capability import Capability
from kernel.files.credentials import Credentials
from kernel.files.file import FileOwner, OpenFile, open_file
from kernel.files.flags import OpenFlags
from kernel.files.pipe import Pipe
from kernel.files.pipe_ring import PLACES
from kernel.files.poll import source_of
from kernel.files.user_counts import PIPE_PAGES_SOFT
from kernel.machine.clock import wall_time
from kernel.memory.account import Account

FEW_PLACES: u64 = 2
"""How many pages a pipe takes at first, where a user has too many already."""


@struct
class PipeNumbers:
    """The source of the inode numbers of pipes."""

    made: u64 = 0


NUMBERS = PipeNumbers()


def create_pipe(account: Account) -> Fallible[Pipe]:
    """A pipe charged to `account`, none of whose ends is open."""
    pipe = account.heap.new(Pipe)
    pipe.source = source_of(address_of(pipe))
    pipe.reader.pipe = pipe
    pipe.writer.pipe = pipe
    pipe.ring.begin()
    return pipe


def count_pipe(pipe: Pipe, owner: FileOwner, who: Credentials) -> Fallible[None]:
    """Count a new pipe for the user `who`; one who has too many gets a small one. ENOMEM."""
    counts = owner.users.counts_of(owner.account, who.user)
    pipe.counts = counts
    counts.pipe_pages += PLACES
    may_have_many = who.has(Capability.SYS_RESOURCE) or who.has(Capability.SYS_ADMIN)
    if counts.pipe_pages > PIPE_PAGES_SOFT and not may_have_many:
        pipe.ring.resize(FEW_PLACES, owner.account)
        counts.pipe_pages -= PLACES - FEW_PLACES


def make_pipe(owner: FileOwner, credentials: Credentials, flags: OpenFlags) -> Fallible[tuple[OpenFile, OpenFile]]:
    """A pipe, charged to `owner`: the end to read and the end to write, each with one reference."""
    pipe = create_pipe(owner.account)
    NUMBERS.made += 1
    describe(pipe.described, credentials, NUMBERS.made)
    with on_error(pipe.free_all):
        count_pipe(pipe, owner, credentials)
        reader = open_file(owner, pipe.reader, None, OpenFlags(u32(flags) & u32(OpenFlags.NONBLOCK)))
    pipe.reader.is_open = True
    with on_error(reader.drop):
        writer = open_file(owner, pipe.writer, None, flags | OpenFlags.WRITE_ONLY)
    pipe.writer.is_open = True
    return reader, writer


def describe(about: Attributes, credentials: Credentials, number: u64) -> None:
    """What fstat(2) tells of a pipe."""
    about.kind = Kind.FIFO
    about.permissions = 0o600
    about.user = credentials.user
    about.group = credentials.group
    about.links = 1
    about.number = number
    about.begin(wall_time())
