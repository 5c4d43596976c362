"""Pipes and descriptors: what is queued, what ends them, and what happens when their owner is destroyed."""

from __future__ import annotations

import pytest

from codegen.lang import Fd
from kernel.base.errno import EAGAIN, EBADF, EBUSY, EIO, EMFILE, ENOMEM, EPERM, EPIPE
from kernel.files import pipe as pipe_module
from kernel.files import pipe_making
from kernel.files.content import PAGE
from kernel.files.credentials import ROOT, Credentials
from kernel.files.file import DEAD_FILE, FileOwner, OpenFile
from kernel.files.flags import OpenFlags
from kernel.files.operations import Events
from kernel.files.pipe_ends import PipeWriter
from kernel.files.pipe_making import make_pipe
from kernel.files.table import DESCRIPTORS_MAX, create_table
from kernel.memory.account import KERNEL, Account
from kernel.memory.heap import owner_of
from kernel.memory.reparent import reparent
from tests.kernel.files.conftest import NOW
from tests.kernel.files.transfers import read_file, write_file

CAPACITY = 16 * PAGE


@pytest.fixture
def owner(account: Account, monkeypatch: pytest.MonkeyPatch) -> FileOwner:
    monkeypatch.setattr(pipe_making, "wall_time", lambda: NOW)
    made = FileOwner()
    made.account = account
    return made


def ends(owner: FileOwner) -> tuple[OpenFile, OpenFile]:
    return make_pipe(owner, ROOT, OpenFlags.NONE)


def take(reader: OpenFile, size: int) -> bytes:
    return read_file(reader.ops, 0, size, False)


def test_bytes_come_out_in_order_and_around_the_ring(owner: FileOwner) -> None:
    reader, writer = ends(owner)
    sent = received = b""
    for number in range(30):
        text = bytes([number]) * 5000
        assert write_file(writer.ops, 0, text, False) == 5000
        sent += text
        received += take(reader, 5001)
    assert received == sent
    writer.drop()
    assert take(reader, 1) == b""
    reader.drop()


def test_a_full_pipe(owner: FileOwner) -> None:
    reader, writer = ends(owner)
    assert write_file(writer.ops, 0, b"x" * (CAPACITY - 10), False) == CAPACITY - 10
    assert Events.OUTPUT not in writer.ops.readiness()
    with pytest.raises(EAGAIN):
        write_file(writer.ops, 0, b"y" * 11, False)
    assert write_file(writer.ops, 0, b"y" * 10, False) == 10
    with pytest.raises(EAGAIN):
        write_file(writer.ops, 0, b"z", False)
    assert Events.INPUT in reader.ops.readiness()
    assert take(reader, 4095) == b"x" * 4095
    assert Events.OUTPUT not in writer.ops.readiness(), "the page is still in use"
    assert take(reader, 1) == b"x"
    assert Events.OUTPUT in writer.ops.readiness()
    reader.drop()
    writer.drop()


def send_packet(writer: OpenFile, content: bytes) -> int:
    return write_file(writer.ops, 0, content, False, is_packet=True)


def test_packets(owner: FileOwner) -> None:
    reader, writer = ends(owner)
    assert send_packet(writer, b"one") == 3
    assert send_packet(writer, b"two" * 1500) == 4500
    assert write_file(writer.ops, 0, b"and", False) == 3
    assert write_file(writer.ops, 0, b" bytes", False) == 6
    assert take(reader, 100) == b"one"
    assert take(reader, 100) == (b"two" * 1500)[:100], "what has no room of a packet is lost"
    assert take(reader, 5000) == (b"two" * 1500)[4096:]
    assert take(reader, 5000) == b"and bytes"
    reader.drop()
    writer.drop()


def test_a_pipe_is_resized(owner: FileOwner) -> None:
    reader, writer = ends(owner)
    pipe = writer.ops
    assert isinstance(pipe, PipeWriter)
    for number in range(20):  # around the ring
        write_file(writer.ops, 0, bytes([number]) * PAGE, False)
        if number >= 10:
            take(reader, PAGE)
    with pytest.raises(EBUSY):
        pipe.pipe.resize(8, ROOT)
    pipe.pipe.resize(32, ROOT)
    assert write_file(writer.ops, 0, b"z" * 30 * PAGE, False) == 22 * PAGE
    assert take(reader, 10 * PAGE) == b"".join(bytes([number]) * PAGE for number in range(10, 20))
    assert take(reader, 40 * PAGE) == b"z" * 22 * PAGE
    pipe.pipe.resize(1, ROOT)
    assert write_file(writer.ops, 0, b"z" * PAGE, False) == PAGE
    user = Credentials()
    user.become(1000, 1000)
    pipe.pipe.resize(256, user)
    for places, error in ((512, EPERM), (1 << 19, EPERM)):
        with pytest.raises(error):
            pipe.pipe.resize(places, user)
    with pytest.raises(ENOMEM):
        pipe.pipe.resize(1 << 19, ROOT)
    reader.drop()
    writer.drop()
    assert owner.account.heap.objects == 0


def test_a_user_with_many_pipes_gets_small_ones(owner: FileOwner, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (pipe_module, pipe_making):
        monkeypatch.setattr(module, "PIPE_PAGES_SOFT", 40)
    user = Credentials()
    user.become(1000, 1000)
    made = [make_pipe(owner, user, OpenFlags.NONE) for _ in range(4)]
    sizes = []
    for _, writer in made:
        assert isinstance(writer.ops, PipeWriter)
        sizes.append(writer.ops.pipe.ring.places)
    assert sizes == [16, 16, 2, 2]
    assert isinstance(made[0][1].ops, PipeWriter)
    with pytest.raises(EPERM):
        made[0][1].ops.pipe.resize(32, user)
    made[0][1].ops.pipe.resize(8, user)
    assert len(owner.users.known) == 1
    for reader, writer in made:
        reader.drop()
        writer.drop()
    assert len(owner.users.known) == 0 and owner.account.heap.objects == 0


def test_without_the_other_end(owner: FileOwner) -> None:
    reader, writer = ends(owner)
    with pytest.raises(EAGAIN):
        take(reader, 1)
    write_file(writer.ops, 0, b"last", False)
    writer.drop()
    assert Events.HANG_UP in reader.ops.readiness()
    assert (take(reader, 10), take(reader, 10)) == (b"last", b"")
    reader.drop()
    reader, writer = ends(owner)
    reader.drop()
    assert Events.ERROR in writer.ops.readiness()
    with pytest.raises(EPIPE):
        write_file(writer.ops, 0, b"x", False)
    writer.drop()


def test_descriptors(owner: FileOwner, account: Account) -> None:
    table = create_table(account)
    reader, writer = ends(owner)
    assert [int(table.install(file, False)) for file in (reader, writer, reader)] == [0, 1, 2]
    table.close(Fd(1))
    assert table.install(writer, True, 0) == Fd(1)
    assert table.install(writer, False, 40) == Fd(40)
    table.replace(reader, False, Fd(40))
    assert table.get(Fd(40)) is reader
    for bad in (-1, 3, DESCRIPTORS_MAX):
        with pytest.raises(EBADF):
            table.get(Fd(bad))
    with pytest.raises(EBADF):
        table.replace(reader, False, Fd(DESCRIPTORS_MAX))
    with pytest.raises(EMFILE):
        table.install(reader, False, DESCRIPTORS_MAX)
    copied = table.duplicate(account)
    copied.close_for_exec()
    assert copied.find(Fd(1)) is None and table.find(Fd(1)) is not None
    reader.drop()
    writer.drop()
    table.drop()
    assert copied.get(Fd(40)) is reader and Events.HANG_UP in reader.ops.readiness()
    copied.drop()
    assert len(owner.open_files) == 0


def test_a_call_in_progress_keeps_what_it_uses(owner: FileOwner, account: Account) -> None:
    reader, writer = ends(owner)
    write_file(writer.ops, 0, b"queued", False)
    reader.hold()  # as a call does, beside the descriptor
    reader.drop()
    while owner.revoke_first():
        pass
    assert (owner.survivors, reader.is_revoked, writer.is_revoked) == (2, True, True)
    account.heap.trim()
    assert reparent(account, KERNEL, 0) == 4, "three slabs, and the page of the pipe"
    assert (account.pages.used.load(), account.heap.objects, KERNEL.heap.objects) == (0, 0, 4)
    assert owner_of(reader) is KERNEL
    assert take(reader, 100) == b"queued"
    with pytest.raises(EIO):
        read_file(reader.ops, 0, 1)
    reader.drop()
    writer.drop()
    KERNEL.heap.trim()
    assert (KERNEL.heap.objects, KERNEL.pages.used.load()) == (0, 0)
    with pytest.raises(EIO):
        make_pipe(owner, ROOT, OpenFlags.NONE)


def test_who_holds_a_file_of_a_destroyed_owner_holds_a_dead_one(owner: FileOwner, account: Account) -> None:
    table = create_table(account)
    reader, writer = ends(owner)
    first, second = table.install(reader, False), table.install(writer, False)
    reader.drop()
    writer.drop()
    while owner.revoke_first():
        pass
    assert owner.survivors == 0
    assert table.get(first) is DEAD_FILE and table.get(second) is DEAD_FILE
    with pytest.raises(EIO):
        take(table.get(first), 1)
    assert table.get(second).ops.readiness() == Events.ERROR | Events.HANG_UP
    table.drop()
    assert DEAD_FILE.references == 1
