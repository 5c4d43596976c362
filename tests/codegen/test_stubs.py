"""Stubs: assembled at their address, with symbols as numbers; and the memory functions, against Python."""

from __future__ import annotations

import random

import pytest

from codegen import LinkError, Program, Stub, link
from codegen.image import Image
from codegen.memory_stubs import MEMORY_STUBS
from codegen.sandbox import STUBS, Sandbox

LOW = 0x400000


def linked(*stubs: Stub, entry: str) -> Image:
    return link(Program((), frozenset()), base=LOW, stubs=[*STUBS, *stubs], entry=entry, user=True)


def test_stubs_call_each_other_by_symbol() -> None:
    seven = Stub("seven", "text", lambda _symbols: "mov eax, 7\nret")
    twice = Stub("twice", "text", lambda symbols: f"call {symbols['seven']:#x}\nadd eax, eax\nret")
    image = linked(twice, seven, entry="twice")
    assert Sandbox(image).call(image.symbols["twice"]) == 14


def test_a_stub_whose_size_depends_on_an_address_settles() -> None:
    """The jump over `gap` is short or near, which moves everything behind it."""
    jump = Stub("jump", "text", lambda symbols: f"jmp {symbols['target']:#x}", alignment=1)
    gap = Stub("gap", "text", lambda _symbols: "nop\n" * 124, alignment=1)
    target = Stub("target", "text", lambda symbols: f"mov rax, {symbols['jump']:#x}\nret", alignment=1)
    image = linked(jump, gap, target, entry="jump")
    assert Sandbox(image).call(image.symbols["jump"]) == image.symbols["jump"]


def test_stubs_of_alignment_one_follow_without_a_gap() -> None:
    first = Stub("first", "text", lambda _symbols: "mov eax, 1")
    label = Stub("label", "text", lambda _symbols: "add eax, 2\nret", alignment=1)
    image = linked(first, label, entry="first")
    assert image.symbols["label"] - image.symbols["first"] == 5
    assert Sandbox(image).call(image.symbols["first"]) == 3


def test_32_bit_stubs() -> None:
    image = linked(Stub("low", "text", lambda _symbols: "inc eax\npush eax", bits=32), entry="low")
    assert image.content_at(image.symbols["low"], 2) == b"\x40\x50"


def test_an_unknown_symbol_names_the_stub() -> None:
    with pytest.raises(LinkError, match=r"start needs the symbol 'kernel_main', which nothing defines"):
        linked(Stub("start", "text", lambda symbols: f"call {symbols['kernel_main']}"), entry="start")


def test_bad_assembly_names_stub_and_line() -> None:
    with pytest.raises(LinkError, match=r"'start'.*frobnicate rax"):
        linked(Stub("start", "text", lambda _symbols: "nop\nfrobnicate rax"), entry="start")


@pytest.fixture(scope="module")
def memory() -> Sandbox:
    return Sandbox(linked(*MEMORY_STUBS, entry="memcpy"))


@pytest.fixture(scope="module")
def symbols() -> dict[str, int]:
    return linked(*MEMORY_STUBS, entry="memcpy").symbols


LENGTHS = [0, 1, 7, 8, 9, 31, 32, 33, 63, 64, 65, 100, 255, 256, 257, 383, 384, 511, 777, 4096]


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("distance", [-40, -33, -8, -1, 0, 1, 3, 8, 40, 5000])
def test_memmove_is_right_for_every_overlap(
    memory: Sandbox, symbols: dict[str, int], length: int, distance: int
) -> None:
    content = bytearray(random.Random(length).randbytes(16384))
    start = memory.allocate(len(content))
    memory.write(start, bytes(content))
    destination = start + 5000 + distance
    assert memory.call(symbols["memmove"], destination, start + 5000, length) == destination
    content[5000 + distance : 5000 + distance + length] = content[5000 : 5000 + length]
    assert memory.read(start, len(content)) == content


@pytest.mark.parametrize("length", LENGTHS)
def test_memset_and_memcpy_write_exactly_their_range(memory: Sandbox, symbols: dict[str, int], length: int) -> None:
    start = memory.allocate(8192)
    assert memory.call(symbols["memset"], start + 3, 0x1C5, length) == start + 3
    assert memory.read(start, 8192) == bytes(3) + b"\xc5" * length + bytes(8189 - length)
    source = memory.allocate(8192)
    memory.write(source, bytes(range(256)) * 32)
    assert memory.call(symbols["memcpy"], start + 3, source + 1, length) == start + 3
    expected = (bytes(range(256)) * 32)[1 : 1 + length]
    assert memory.read(start, 8192) == bytes(3) + expected + bytes(8189 - length)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (b"", b""),
        (b"a", b"b"),
        (b"\xff", b"\x01"),
        (b"12345678", b"12345679"),
        (b"x" * 64 + b"ab", b"x" * 64 + b"aa"),
    ],
)
def test_memcmp_has_the_sign_of_the_first_difference(
    memory: Sandbox, symbols: dict[str, int], left: bytes, right: bytes
) -> None:
    addresses = []
    for content in (left, right):
        addresses.append(memory.allocate(128))
        memory.write(addresses[-1], content)
    answer = memory.call(symbols["memcmp"], *addresses, len(left)) & 0xFFFFFFFF
    signed = answer - (1 << 32) if answer >> 31 else answer
    assert (signed > 0) - (signed < 0) == (left > right) - (left < right)
