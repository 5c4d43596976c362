"""The boot archive: what it says is made, as it says; what does not hold to its rules is refused."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from codegen.lang import Errno, FrameNumber
from kernel.base.errno import EFBIG, EINVAL, ENOSPC
from kernel.files import extended
from kernel.files.archive_format import ENTRY_SIZE, HEADER_SIZE
from kernel.files.attributes import Kind
from kernel.files.content import SIZE_MAX
from kernel.files.flags import Resolve
from kernel.files.ramfs import RamFs, create_file_system
from kernel.memory.account import Account
from tests.kernel.files.archives import BIN, PAGE, ROOT, SAMPLE, Loaded, Record, build
from tests.kernel.files.test_tree import World
from tests.kernel.files.transfers import read_file, write_file

ROUNDS = 500
LONG_ROUNDS = 12_000


@pytest.fixture
def world(account: Account) -> Iterator[World]:
    world = World(create_file_system(account, None))
    yield world
    world.fs.destroy()


def unpacked(world: World, *records: Record) -> Loaded:
    """Unpack an archive of these records into `world`."""
    loaded = Loaded(build(*records))
    assert loaded.unpack(world.fs) == len(records)
    return loaded


def test_everything_is_made(world: World) -> None:
    loaded = Loaded(build(*SAMPLE))
    assert loaded.unpack(world.fs) == len(SAMPLE)
    assert world.names(b"/bin") == [b"big", b"small", b"odd", b"link", b"twin"]
    assert world.find(b"/bin/link").described.size == 5000
    assert world.find(b"/linked", Resolve.NONE) is world.find(b"/bin/link", Resolve.NONE)
    assert world.find(b"/bin/twin") is world.find(b"/bin/big")
    assert world.find(b"/bin/big").described.links == 2
    odd = world.find(b"/bin/odd").described
    assert (odd.kind, odd.permissions, odd.user, odd.group) == (Kind.REGULAR, 0o4755, 4294967294, 8)
    assert (odd.modified.seconds, odd.modified.nanoseconds) == (-631152000, 5)
    assert world.find(b"/fifo").described.kind == Kind.FIFO
    assert world.find(b"/block").described.device == 0x800
    assert world.find(b"/device").described.device == 0x103
    holes = world.find(b"/holes")
    assert read_file(holes, 0, 8) == b"begin\0\0\0" and read_file(holes, 19_998, 9) == b"\0\0middle\0"
    assert read_file(holes, 49_990, 100) == b"0123456789"
    loaded.free()


def test_a_directory_has_the_time_and_links_that_it_is_given(world: World) -> None:
    loaded = unpacked(world, *SAMPLE)
    about = world.find(b"/bin").described
    assert (about.modified.seconds, about.modified.nanoseconds, about.links) == (1_600_000_000, 123, 2)
    about = world.find(b"/").described
    assert (about.modified.seconds, about.links, about.user) == (1_600_000_000, 4, 7)
    loaded.free()


def test_contents_are_used_in_place_to_the_last_page(world: World) -> None:
    content = build(*SAMPLE)
    loaded = Loaded(content)
    loaded.unpack(world.fs)
    big = world.find(b"/bin/big").content
    assert big is not None
    assert big.page(0) == FrameNumber((loaded.physical + content.index(b"EEEE")) // PAGE)
    assert big.page(1) == FrameNumber(big.page(0) + 1) and big.own_pages == 0
    write_file(world.find(b"/bin/big"), 0, b"changed")
    assert world.text(b"/bin/big")[:8] == b"changedE"
    assert bytes(loaded.content[content.index(b"EEEE") : content.index(b"EEEE") + 8]) == b"E" * 8
    loaded.free()


def test_what_follows_the_contents_in_their_last_page_never_shows(world: World) -> None:
    content = build(ROOT, Record(b"f", 0o100644, b"text")).replace(b"text\0\0", b"texton")
    loaded = Loaded(content)
    loaded.unpack(world.fs)
    inode = world.find(b"/f")
    inode.set_size(10)
    assert read_file(inode, 0, 20) == b"text" + bytes(6)
    loaded.free()


def test_extended_attributes(world: World) -> None:
    loaded = unpacked(world, *SAMPLE)
    marked = world.find(b"/marked")
    assert bytes(extended.get(marked, b"user.a")) == b"one" and bytes(extended.get(marked, b"user.b")) == b""
    loaded.free()


def test_an_empty_root(world: World) -> None:
    loaded = unpacked(world, ROOT)
    assert world.names(b"/") == []
    loaded.free()


BAD = {
    "empty": b"",
    "no header": build(ROOT)[:31],
    "no magic": b"070701" + build(ROOT)[6:],
    "no entries": build(ROOT, count=0),
    "more entries than bytes": build(ROOT, count=1000),
    "entries without end": build(ROOT, count=(1 << 64) - 1),
    "cut off": build(*SAMPLE)[:-PAGE],
    "cut off within a page": build(ROOT, Record(b"f", 0o100644, b"text"))[:-1],
    "a name in the tables": build(ROOT, Record(b"f", 0o100644)).replace(b"\x01\0\0\0\xd0", b"\x01\0\0\0\x08"),
    "a root that is a file": build(Record(b"", 0o100644)),
    "a root with a name": build(Record(b"x", 0o40755)),
    "a second root": build(ROOT, ROOT),
    "in itself": build(ROOT, Record(b"d", 0o40755, directory=1)),
    "in a later one": build(ROOT, Record(b"f", 0o100644, directory=2), BIN),
    "in none": build(ROOT, Record(b"f", 0o100644, directory=9)),
    "in a file": build(ROOT, Record(b"f", 0o100644), Record(b"g", 0o100644, directory=1)),
    "in a link": build(ROOT, Record(b"l", 0o120777, b"/"), Record(b"g", 0o100644, directory=1)),
    "in a link to a directory": build(ROOT, BIN, Record(b"l", 0o120777, b"bin"), Record(b"g", 0o100644, directory=2)),
    "a name twice": build(ROOT, BIN, BIN),
    "a dot": build(ROOT, Record(b".", 0o40755)),
    "two dots": build(ROOT, Record(b"..", 0o40755)),
    "a slash": build(ROOT, Record(b"a/b", 0o100644)),
    "a zero byte": build(ROOT, Record(b"a\0b", 0o100644)),
    "a long name": build(ROOT, Record(b"n" * 256, 0o100644)),
    "a socket": build(ROOT, Record(b"s", 0o140755)),
    "an unknown kind": build(ROOT, Record(b"s", 0o170755)),
    "a huge mode": build(ROOT, Record(b"s", 0o2000100755)),
    "too many nanoseconds": build(ROOT, Record(b"f", 0o100644, nanoseconds=1_000_000_000)),
    "a link without a target": build(ROOT, Record(b"l", 0o120777, b"")),
    "a link with a long target": build(ROOT, Record(b"l", 0o120777, b"t" * 4096)),
    "a link with a zero byte": build(ROOT, Record(b"l", 0o120777, b"a\0")),
    "a target elsewhere": build(ROOT, Record(b"l", 0o120777, b"x", size=4000)),
    "a hard link to a directory": build(ROOT, BIN, Record(b"h", 0, device=1)),
    "a hard link to itself": build(ROOT, Record(b"h", 0, device=1)),
    "a hard link to nothing": build(ROOT, Record(b"h", 0, device=1 << 63)),
    "less than its contents": build(ROOT, Record(b"f", 0o100644, b"text", size=3)),
    "pieces beyond the end": build(ROOT, Record(b"f", 0o100644, size=10, pieces=((8, b"abc"),))),
    "pieces far beyond the end": build(ROOT, Record(b"f", 0o100644, size=10, pieces=(((1 << 64) - 1, b"abc"),))),
    "attributes in disorder": build(ROOT, Record(b"f", 0o100644, attributes=((b"user.b", b""), (b"user.a", b"")))),
    "an attribute twice": build(ROOT, Record(b"f", 0o100644, attributes=((b"user.a", b""), (b"user.a", b"")))),
    "an attribute without a name": build(ROOT, Record(b"f", 0o100644, attributes=((b"", b""),))),
    "an attribute with a long name": build(ROOT, Record(b"f", 0o100644, attributes=((b"user." + b"n" * 251, b""),))),
    "an attribute with a zero byte": build(ROOT, Record(b"f", 0o100644, attributes=((b"user.\0", b""),))),
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_what_breaks_the_rules_is_refused(world: World, content: bytes) -> None:
    loaded = Loaded(content)
    with pytest.raises(EINVAL):
        loaded.unpack(world.fs)
    loaded.free()


def test_a_file_larger_than_any_is_refused(world: World) -> None:
    loaded = Loaded(build(ROOT, Record(b"f", 0o100644, size=SIZE_MAX + 1)))
    with pytest.raises(EFBIG):
        loaded.unpack(world.fs)
    loaded.free()


def test_contents_do_not_overlap(world: World) -> None:
    content = bytearray(build(ROOT, Record(b"one", 0o100644, b"1"), Record(b"two", 0o100644, b"2")))
    first, second = (HEADER_SIZE + number * ENTRY_SIZE + 56 for number in (1, 2))
    content[second : second + 8] = content[first : first + 8]
    loaded = Loaded(bytes(content))
    with pytest.raises(EINVAL):
        loaded.unpack(world.fs)
    loaded.free()


def test_an_archive_off_a_page_boundary_is_refused(world: World) -> None:
    loaded = Loaded(build(ROOT))
    loaded.physical += 8  # type: ignore[assignment]
    with pytest.raises(EINVAL):
        loaded.unpack(world.fs)
    loaded.free()


@pytest.mark.parametrize("value", [0, 1, 0xFF, 0xFFFFFFFF, (1 << 63), (1 << 64) - 1])
def test_no_field_leads_astray(account: Account, value: int) -> None:
    """Every number of every record, set to odd values one after the other: refused or taken, and all is given back."""
    content = build(*SAMPLE)
    end = HEADER_SIZE + len(SAMPLE) * ENTRY_SIZE + 2 * 24 + 2 * 32
    for place in range(0, end, 4):
        wrong = bytearray(content)
        wrong[place : place + 4] = (value & 0xFFFFFFFF).to_bytes(4, "little")
        if value > 0xFFFFFFFF:
            wrong[place : place + 8] = value.to_bytes(8, "little")
        try_to_unpack(account, bytes(wrong[: len(content)]))


def try_to_unpack(account: Account, content: bytes) -> bool:
    """Unpack what may be damaged; whether it was taken. A trap or a panic would be raised."""
    fs = create_file_system(account, None)
    loaded = Loaded(content)
    try:
        loaded.unpack(fs)
        check_tree(fs)
        return True
    except Errno as error:
        assert error.code in (EINVAL.code, EFBIG.code, ENOSPC.code), error
        return False
    finally:
        fs.destroy()
        loaded.free()


def check_tree(fs: RamFs) -> None:
    """Whether a file system is a tree: each inode has its names in directories of it, and as many as it counts."""
    names: dict[int, int] = {}
    left, seen = [fs.root], 0
    while left:
        directory = left.pop()
        seen += 1
        entries = directory.entries
        assert entries is not None
        folders = 0
        for entry in entries.order:
            inode, name = entry.inode, bytes(entry.name)
            assert inode is not None and inode.fs is fs and entry.directory is directory
            assert 0 < len(name) <= 255 and name not in (b".", b"..") and not {0, 0x2F} & set(name)
            names[id(inode)] = names.get(id(inode), 0) + 1
            if inode.described.is_directory:
                assert inode.parent is directory
                folders += 1
                left.append(inode)
            else:
                assert inode.described.links == inode.names
        assert directory.described.links == 2 + folders
    for inode in fs.inodes:
        assert inode is fs.root or (inode.references == 0 and inode.names == names[id(inode)])
    assert seen == sum(inode.described.is_directory for inode in fs.inodes)


def mutated(chance: random.Random, content: bytes) -> bytes:
    """An archive with some damage: bits, fields, numbers taken from elsewhere in it, parts moved, or an end cut off."""
    wrong = bytearray(content)
    head = HEADER_SIZE + len(SAMPLE) * ENTRY_SIZE + 112
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(head if chance.random() < 0.8 else len(wrong))
        match chance.randrange(6):
            case 0:
                wrong[place] ^= 1 << chance.randrange(8)
            case 1:
                wrong[place] = chance.randrange(256)
            case 2:
                number = chance.choice([0, 1, PAGE, len(wrong), 1 << 31, 1 << 32, 1 << 63, (1 << 64) - 1])
                wrong[place & ~3 : (place & ~3) + 8] = number.to_bytes(8, "little")
            case 3:
                other = chance.randrange(head - 8) & ~3
                wrong[place & ~3 : (place & ~3) + 8] = wrong[other : other + 8]
            case 4:
                length = chance.choice([4, 8, ENTRY_SIZE])
                other = chance.randrange(head)
                wrong[place : place + length] = wrong[other : other + length]
            case _:
                del wrong[max(place, 40) :]
                wrong += bytes(-len(wrong) % PAGE)
    return bytes(wrong[: len(content)])


def check_mutated(account: Account, rounds: int) -> None:
    """Unpack mutated archives; the seed of what fails is printed."""
    seed = int(os.environ.get("PITHOS_SEED", random.randrange(1 << 32)))
    content = build(*SAMPLE)
    taken = 0
    for number in range(rounds):
        try:
            taken += try_to_unpack(account, mutated(random.Random(seed + number), content))
        except BaseException:
            print(f"PITHOS_SEED={seed + number}")
            raise
    print(f"{taken} of {rounds} were taken")


def test_mutated_archives(account: Account) -> None:
    check_mutated(account, ROUNDS)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_mutated_archives(account: Account) -> None:
    check_mutated(account, LONG_ROUNDS)
