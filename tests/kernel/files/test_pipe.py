"""Pipes and descriptors: what is queued, what ends them, and what happens when their owner is destroyed."""

from __future__ import annotations

import pytest

from codegen.lang import Fd
from kernel.base.errno import EAGAIN, EBADF, EIO, EMFILE, EPIPE
from kernel.files import pipe
from kernel.files.credentials import ROOT
from kernel.files.file import DEAD_FILE, Events, FileOwner, OpenFile
from kernel.files.flags import OpenFlags
from kernel.files.pipe import CAPACITY, make_pipe
from kernel.files.table import DESCRIPTORS_MAX, create_table
from kernel.memory.account import KERNEL, Account
from kernel.memory.heap import owner_of
from kernel.memory.reparent import reparent
from tests.kernel.files.conftest import NOW
from tests.kernel.files.test_content import buffer


@pytest.fixture
def owner(account: Account, monkeypatch: pytest.MonkeyPatch) -> FileOwner:
    monkeypatch.setattr(pipe, "wall_time", lambda: NOW)
    made = FileOwner()
    made.account = account
    return made


def ends(owner: FileOwner) -> tuple[OpenFile, OpenFile]:
    return make_pipe(owner, ROOT, OpenFlags.NONE)


def take(reader: OpenFile, size: int) -> bytes:
    destination = buffer(size)
    return bytes(destination[0 : reader.ops.read(0, destination, False)])


def test_bytes_come_out_in_order_and_around_the_ring(owner: FileOwner) -> None:
    reader, writer = ends(owner)
    sent = received = b""
    for number in range(30):
        text = bytes([number]) * 5000
        assert writer.ops.write(0, text, False) == 5000
        sent += text
        received += take(reader, 5001)
    assert received == sent
    writer.drop()
    assert take(reader, 1) == b""
    reader.drop()


def test_a_full_pipe(owner: FileOwner) -> None:
    reader, writer = ends(owner)
    assert writer.ops.write(0, b"x" * (CAPACITY - 10), False) == CAPACITY - 10
    assert Events.OUTPUT not in writer.ops.readiness()
    with pytest.raises(EAGAIN):
        writer.ops.write(0, b"y" * 11, False)
    assert writer.ops.write(0, b"y" * 5000, False) == 10
    with pytest.raises(EAGAIN):
        writer.ops.write(0, b"z", False)
    assert Events.INPUT in reader.ops.readiness()
    reader.drop()
    writer.drop()


def test_without_the_other_end(owner: FileOwner) -> None:
    reader, writer = ends(owner)
    with pytest.raises(EAGAIN):
        take(reader, 1)
    writer.ops.write(0, b"last", False)
    writer.drop()
    assert Events.HANG_UP in reader.ops.readiness()
    assert (take(reader, 10), take(reader, 10)) == (b"last", b"")
    reader.drop()
    reader, writer = ends(owner)
    reader.drop()
    assert Events.ERROR in writer.ops.readiness()
    with pytest.raises(EPIPE):
        writer.ops.write(0, b"x", False)
    with pytest.raises(EBADF):
        take(writer, 1)
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
    writer.ops.write(0, b"queued", False)
    reader.hold()  # as a call does, beside the descriptor
    reader.drop()
    while owner.revoke_first():
        pass
    assert (owner.survivors, reader.is_revoked, writer.is_revoked) == (2, True, True)
    account.heap.trim()
    assert reparent(account, KERNEL) == 3, "two slabs, and the page of the pipe"
    assert (account.pages.used.load(), account.heap.objects, KERNEL.heap.objects) == (0, 0, 3)
    assert owner_of(reader) is KERNEL
    assert take(reader, 100) == b"queued"
    with pytest.raises(EIO):
        reader.ops.read(0, buffer(1), True)
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
