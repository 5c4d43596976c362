"""The cpio archive: what Python writes, the kernel unpacks; damaged ones are refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from codegen.lang import FrameNumber, PhysAddr, slice_at, u8
from kernel.base.errno import EINVAL, ENOENT
from kernel.files import archive, path
from kernel.files.attributes import Kind
from kernel.files.path_buffer import PathBuffers
from kernel.files.ramfs import create_file_system
from kernel.machine.layout import frame_address
from kernel.memory import frames
from kernel.memory.account import KERNEL, Account
from kernel.memory.frames import FrameUse
from tests.kernel.files.test_tree import World

PAGE = 4096


def entry(name: bytes, mode: int, data: bytes, at: int, align: bool = False, number: int = 0) -> bytes:
    """One newc entry that begins at offset `at`; `align` puts its data on a page boundary."""
    terminated = name + b"\0"
    if align:
        terminated += bytes(-(at + 110 + len(terminated)) % PAGE)
    numbers = (number, mode, 7, 8, 1, 1_600_000_000, len(data), 0, 0, 0, 0, len(terminated), 0)
    text = b"070701" + b"".join(b"%08X" % number for number in numbers) + terminated
    text += bytes(-(at + len(text)) % 4) + data
    return text + bytes(-(at + len(text)) % 4)


def build(*entries: tuple[bytes, int, bytes, bool]) -> bytes:
    text = b""
    for number, (name, mode, data, align) in enumerate(entries):
        text += entry(name, mode, data, len(text), align, number)
    return text + entry(b"TRAILER!!!", 0, b"", len(text))


IMAGE = build(
    (b".", 0o40755, b"", False),
    (b"bin", 0o40755, b"", False),
    (b"bin/big", 0o100755, b"E" * 5000, True),
    (b"bin/small", 0o100644, b"small", True),
    (b"bin/odd", 0o104755, b"odd", False),
    (b"bin/link", 0o120777, b"big", False),
    (b"bin/device", 0o20666, b"", False),
)


class Loaded:
    """Bytes in memory that belong to nobody's files."""

    def __init__(self, text: bytes) -> None:
        first = frames.allocate_run(KERNEL, 3, FrameUse.ARCHIVE)
        assert len(text) <= 8 * PAGE
        self.frame = first
        self.text = slice_at(u8, frame_address(first), len(text))
        for index, byte in enumerate(text):
            self.text[index] = byte
        self.physical = PhysAddr(first * PAGE)


@pytest.fixture
def world(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    buffers = PathBuffers()
    monkeypatch.setattr(path, "PATH_BUFFERS", buffers)
    monkeypatch.setattr(archive, "PATH_BUFFERS", buffers)
    world = World(create_file_system(account, None))
    yield world
    world.fs.destroy()


def test_unpacking(world: World, account: Account) -> None:
    loaded = Loaded(IMAGE)
    assert archive.unpack(loaded.text, loaded.physical, world.fs) == 7
    assert world.names(b"/bin") == [b"big", b"small", b"odd", b"link"]
    big = world.find(b"/bin/link")
    assert big.described.size == 5000 and world.text(b"/bin/big") == b"E" * 200
    about = world.find(b"/bin/odd").described
    assert (about.kind, about.permissions, about.user, about.group) == (Kind.REGULAR, 0o4755, 7, 8)
    assert (about.modified.seconds, about.modified.nanoseconds) == (1_600_000_000, 0)
    content = big.content
    assert content is not None
    assert content.page(0) == FrameNumber((loaded.physical + IMAGE.index(b"EEEE")) // PAGE)
    assert content.own_pages == 1
    big.write(0, b"changed", True)
    assert world.text(b"/bin/big")[:8] == b"changedE"
    assert bytes(loaded.text) == IMAGE
    frames.release(loaded.frame)


def test_empty_entries_with_the_number_of_a_file_are_links_to_it(world: World) -> None:
    text = entry(b"first", 0o100644, b"text", 0, number=5)
    text += entry(b"second", 0o100644, b"", len(text), number=5)
    text += entry(b"empty", 0o100644, b"", len(text), number=6)
    loaded = Loaded(text + entry(b"TRAILER!!!", 0, b"", len(text)))
    assert archive.unpack(loaded.text, loaded.physical, world.fs) == 3
    assert world.find(b"second") is world.find(b"first")
    assert world.find(b"first").described.links == 2 and world.text(b"second") == b"text"
    assert world.find(b"empty") is not world.find(b"first")
    assert world.make(b"new").described.number not in {world.find(b"first").described.number}
    frames.release(loaded.frame)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (IMAGE[:-20], EINVAL),
        (IMAGE[:200], EINVAL),
        (b"garbage" * 40, EINVAL),
        (IMAGE.replace(b"070701", b"07070X", 1), EINVAL),
        (build((b"no/where", 0o100644, b"x", False)), ENOENT),
        (b"070701" + b"F" * 104 + b"name", EINVAL),
    ],
)
def test_damage(world: World, text: bytes, expected: type[Exception]) -> None:
    loaded = Loaded(text)
    with pytest.raises(expected):
        archive.unpack(loaded.text, loaded.physical, world.fs)
    frames.release(loaded.frame)
