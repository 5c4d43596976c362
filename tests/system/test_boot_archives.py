"""Boot archives in the kernel as it is: extended attributes arrive, and mutated archives never end in a trap.

The unpacker's own body is tried with many more on the host: tests/kernel/files/test_archive.py.
"""

from __future__ import annotations

import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from harness.agent_protocol import out, text
from harness.archive import Format, boot_archive
from harness.build import ensure_agent
from harness.errors import HarnessError
from harness.machine import Machine
from tests.harness.tars import END, extended, header, member, sparse_by_records

ROUNDS = 12
LONG_ROUNDS = 400
PAGE = 4096
REFUSED = "it is damaged, or does not fit into memory"
NOT_STARTED = "the first process cannot be started"
"""What the kernel says before it gives up; whatever else ends it is a fault."""


def sample(folder: Path) -> bytes:
    """A boot archive with a little of everything."""
    path = folder / "root.tar"
    path.write_bytes(
        b"".join(
            [
                extended([(b"SCHILY.xattr.user.a", b"value"), (b"SCHILY.xattr.trusted.b", b"more")]),
                member(b"bin/f", b"contents" * 1000),
                header(b"bin/twin", b"1", target=b"bin/f"),
                header(b"link", b"2", target=b"/bin"),
                header(b"fifo", b"6"),
                sparse_by_records(
                    *((b"GNU.sparse.size", b"900000"), (b"GNU.sparse.map", b"0,3,800000,3")), contents=b"abcdef"
                ),
                END,
            ]
        )
    )
    return boot_archive(ensure_agent(), {"root": path}, print)


def head_of(archive: bytes) -> int:
    """How long the tables of an archive are."""
    count, pieces, attributes = (int.from_bytes(archive[place : place + 8], "little") for place in (8, 16, 24))
    return Format().header.size + count * Format().entry.size + pieces * 24 + attributes * 32


def mutated(chance: random.Random, archive: bytes) -> bytes:
    """An archive with some numbers in its tables changed: by a bit, to odd values, or to others of the tables."""
    wrong = bytearray(archive)
    head = head_of(archive)
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(head // 4) * 4
        match chance.randrange(4):
            case 0:
                wrong[chance.randrange(head)] ^= 1 << chance.randrange(8)
            case 1:
                value = chance.choice((0, 1, PAGE, len(wrong), 1 << 31, (1 << 32) - 1))
                wrong[place : place + 4] = value.to_bytes(4, "little")
            case 2:
                value = chance.choice((len(wrong) - 1, 1 << 63, (1 << 64) - 1, (1 << 64) - PAGE))
                wrong[place : place + 8] = value.to_bytes(8, "little")
            case _:
                other = chance.randrange(head // 4) * 4
                wrong[place : place + 8] = wrong[other : other + 8]
    return bytes(wrong[: len(archive)])


async def is_taken(machine: Machine) -> bool:
    """Whether the kernel starts from an archive. It may refuse it, but has to say so."""
    running = await machine.start()
    try:
        await running.guest.wait_ready()
        return True
    except HarnessError:
        await running.wait_end()
        said = running.console.text
        assert (REFUSED in said or NOT_STARTED in said) and said.endswith("panic: no first process\n"), said
        return False
    finally:
        await running.quit()


async def check_mutated(machine: Machine, folder: Path, rounds: int) -> None:
    """Start from mutated archives; the seed of what fails is printed, and PITHOS_SEED repeats from there."""
    archive = sample(folder)
    seed = int(os.environ.get("PITHOS_SEED", random.randrange(1 << 32)))
    path = folder / "archive"
    taken = 0
    for number in range(rounds):
        path.write_bytes(mutated(random.Random(seed + number), archive))
        try:
            taken += await is_taken(replace(machine, archive=path, snapshots=False))
        except BaseException:
            print(f"PITHOS_SEED={seed + number}")
            raise
    print(f"{taken} of {rounds} were taken")


async def test_extended_attributes_arrive(machine: Machine, tmp_path: Path) -> None:
    path = tmp_path / "archive"
    path.write_bytes(sample(tmp_path))
    running = await replace(machine, archive=path, snapshots=False).start()
    try:
        await running.guest.wait_ready()
        for name, expected in (("user.a", b"value"), ("trusted.b", b"more")):
            value = out(20)
            length = await running.guest.sys.getxattr(text("/images/root/bin/f"), text(name), value, 20)
            assert value.content[:length] == expected
    finally:
        await running.quit()


async def test_mutated_archives(machine: Machine, tmp_path: Path) -> None:
    await check_mutated(machine, tmp_path, ROUNDS)


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_many_mutated_archives(machine: Machine, tmp_path: Path) -> None:
    await check_mutated(machine, tmp_path, LONG_ROUNDS)
