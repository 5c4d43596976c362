"""The power switch by the tables of the firmware, sound and broken, under CPython and compiled."""

from __future__ import annotations

import struct

import pytest

from tests.codegen.both import both
from tests.kernel.machine import bodies
from tests.kernel.machine.test_firmware import POINTER, ROOT, described, memory, root_pointer

FADT, DSDT = 0x1300, 0x1600
NO_SWITCH = (0, 0, 0, 0, 0)
SOFT_OFF = b"_S5_\x12\x0a\x04\x0a\x05\x0a\x06\x00\x00"


def fadt(*, length: int = 276, dsdt: int = DSDT, sleep: tuple[int, int] = (0, 0)) -> bytes:
    """A fixed ACPI description table: registers at ports 0x604 and 0x704, and perhaps one for sleeping."""
    rest = bytearray(length - 36)
    struct.pack_into("<I", rest, 40 - 36, dsdt)
    struct.pack_into("<II", rest, 64 - 36, 0x604, 0x704)
    if length >= 276:
        struct.pack_into("<B", rest, 244 - 36, sleep[0])
        struct.pack_into("<Q", rest, 248 - 36, sleep[1])
    return described(b"FACP", bytes(rest))


def switch(table: bytes, code: bytes) -> tuple[int, ...]:
    """The ports, the types, and the place of the register for sleeping, as the kernel finds them."""
    root = described(b"RSDT", struct.pack("<I", FADT))
    pieces = ((POINTER, root_pointer(ROOT)), (ROOT, root), (FADT, table), (DSDT, code))
    digits = both(bodies.power_switch, memory(*pieces), POINTER)
    return tuple(
        digits >> shift & mask for shift, mask in ((48, 0xFFFF), (32, 0xFFFF), (28, 15), (24, 15), (0, 0xFFFF))
    )


def dsdt(code: bytes) -> bytes:
    """Code of AML with its header."""
    return described(b"DSDT", code)


def test_ports_and_types_are_found() -> None:
    assert switch(fadt(), dsdt(b"....." + SOFT_OFF)) == (0x604, 0x704, 5, 6, 0)


def test_a_table_of_the_first_revision() -> None:
    assert switch(fadt(length=116), dsdt(SOFT_OFF)) == (0x604, 0x704, 5, 6, 0)


def test_the_longer_table_has_a_longer_pointer() -> None:
    assert switch(fadt(dsdt=0), dsdt(SOFT_OFF)) == NO_SWITCH


def test_register_for_sleeping() -> None:
    assert switch(fadt(sleep=(0, 0x1F0)), dsdt(SOFT_OFF)) == (0x604, 0x704, 5, 6, 0x1F0)
    assert switch(fadt(sleep=(1, 0x2F0)), dsdt(SOFT_OFF)) == (0x604, 0x704, 5, 6, 0x2F0)
    assert switch(fadt(sleep=(0, 1 << 40)), dsdt(SOFT_OFF)) == (0x604, 0x704, 5, 6, 0)


@pytest.mark.parametrize(
    ("code", "types"),
    [
        (b"_S5_\x12\x06\x04\x00\x00\x00\x00", (0, 0)),
        (b"_S5_\x12\x07\x02\x01\x0a\x03", (1, 3)),
        (b"_S5_\x12\x4a\x00\x02\x0a\x07\x0a\x07", (7, 7)),
        (b"_S5_\x12\x06\x01\x0a\x05", (5, 5)),
    ],
    ids=["zeros", "one", "a longer length", "one type"],
)
def test_forms_of_the_package(code: bytes, types: tuple[int, int]) -> None:
    assert switch(fadt(), dsdt(code)) == (0x604, 0x704, *types, 0)


@pytest.mark.parametrize(
    "code",
    [
        b"",
        b"_S5_",
        b"_S5_\x12",
        b"_S5_\x12\x06",
        b"_S5_\x12\x06\x04",
        b"_S5_\x12\xff\x00",
        b"_S5_\x10\x06\x04\x00",
        b"_S4_\x12\x06\x04\x00",
    ],
)
def test_without_a_whole_package_there_is_no_switch(code: bytes) -> None:
    assert switch(fadt(), dsdt(code)) == NO_SWITCH


def test_broken_tables_are_no_switch() -> None:
    assert switch(fadt()[:-1] + b"\1", dsdt(SOFT_OFF)) == NO_SWITCH
    assert switch(fadt(), dsdt(SOFT_OFF)[:-1] + b"\1") == NO_SWITCH
    assert switch(fadt(length=100), dsdt(SOFT_OFF)) == NO_SWITCH
