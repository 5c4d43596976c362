"""The processors by the tables of the firmware, sound and broken, under CPython and compiled."""

from __future__ import annotations

import struct

import pytest

from kernel.machine.segments import MAXIMUM_CPUS
from tests.codegen.both import both
from tests.kernel.machine import bodies

POINTER, ROOT, MADT = 0x1000, 0x1100, 0x1203  # tables need not be aligned
NO_TABLE = (False, 0, [])


def summed(content: bytes, place: int) -> bytes:
    """`content` with the byte at `place` such that all add up to 0."""
    return content[:place] + bytes([(content[place] - sum(content)) % 256]) + content[place + 1 :]


def described(signature: bytes, rest: bytes, length: int | None = None) -> bytes:
    """An ACPI table with its header."""
    length = 36 + len(rest) if length is None else length
    header = signature + struct.pack("<IBB6s8sIII", length, 1, 0, b"TESTER", b"MACHINE ", 1, 0, 1)
    return summed(header + rest, 9)


def root_pointer(short: int, long: int = 0, revision: int = 0) -> bytes:
    """A root system description pointer."""
    first = summed(b"RSD PTR \0TESTER" + struct.pack("<BI", revision, short), 8)
    return first if revision < 2 else summed(first + struct.pack("<IQI", 36, long, 0), 32)


def apic(number: int, flags: int = 1) -> bytes:
    """The entry of a processor in a MADT."""
    return struct.pack("<BBBBI", 0, 8, number, number, flags)


def madt(*entries: bytes) -> bytes:
    """A multiple APIC description table."""
    return described(b"APIC", struct.pack("<II", 0xFEE00000, 1) + b"".join(entries))


def memory(*pieces: tuple[int, bytes], size: int = 0x2000) -> bytes:
    """Memory from address 0 on with these pieces in it."""
    content = bytearray(size)
    for address, piece in pieces:
        content[address : address + len(piece)] = piece
    return bytes(content)


def acpi_memory(table: bytes, size: int = 0x2000) -> bytes:
    """Memory with an RSDT that leads to `table`."""
    root = described(b"RSDT", struct.pack("<II", 0x1F00, MADT))
    return memory((POINTER, root_pointer(ROOT)), (ROOT, root), (MADT, table), size=size)


def decoded(digits: int) -> tuple[bool, int, list[int]]:
    """Whether there was a table, how many were refused, and the ids (of more than five, the first five)."""
    raw = digits.to_bytes(8, "big").lstrip(b"\0")
    assert len(raw) == 3 + min(raw[2], 5)
    return raw[0] == 1, raw[1], list(raw[3:])


def by_acpi(content: bytes, told: int = POINTER) -> tuple[bool, int, list[int]]:
    return decoded(both(bodies.by_acpi, content, told))


def by_mp_table(content: bytes) -> tuple[bool, int, list[int]]:
    return decoded(both(bodies.by_mp_table, content))


def test_madt_lists_the_enabled_processors() -> None:
    io_apic = struct.pack("<BBBBII", 1, 12, 0, 0, 0xFEC00000, 0)
    table = madt(apic(0), io_apic, apic(2), apic(3, flags=0), apic(4, flags=2), apic(9), apic(2))
    assert by_acpi(acpi_memory(table)) == (True, 0, [0, 2, 9])


def test_newer_root_table_comes_first() -> None:
    long_root = described(b"XSDT", struct.pack("<Q", MADT))
    pieces = [(POINTER, root_pointer(0, ROOT, 2)), (ROOT, long_root), (MADT, madt(apic(5)))]
    assert by_acpi(memory(*pieces)) == (True, 0, [5])


def test_older_root_table_is_used_when_the_newer_one_is_broken() -> None:
    root = described(b"RSDT", struct.pack("<I", MADT))
    pieces = [(POINTER, root_pointer(ROOT, 0x1F00, 2)), (ROOT, root), (MADT, madt(apic(5)))]
    assert by_acpi(memory(*pieces)) == (True, 0, [5])


@pytest.mark.parametrize("place", [0x9FFE0, 0xFFFE0])
def test_root_pointer_is_searched_when_the_loader_tells_none(place: int) -> None:
    root = described(b"RSDT", struct.pack("<I", MADT))
    pieces = [(place, root_pointer(ROOT)), (ROOT, root), (MADT, madt(apic(7)))]
    assert by_acpi(memory(*pieces, size=place + 32), told=0) == (True, 0, [7])


def test_root_pointer_is_searched_in_the_extended_bios_data_area() -> None:
    root = described(b"RSDT", struct.pack("<I", MADT))
    pieces = [AREA_SEGMENT, (AREA + 0x20, root_pointer(ROOT))]
    content = memory(*pieces, (ROOT, root), (MADT, madt(apic(7))))
    assert by_acpi(content, told=0) == (True, 0, [7])


def test_more_processors_than_there_is_room_for() -> None:
    table = madt(*(apic(number) for number in range(MAXIMUM_CPUS + 3)))
    assert by_acpi(acpi_memory(table)) == (True, 3, [0, 1, 2, 3, 4])


def test_entry_without_length_ends_the_table() -> None:
    assert by_acpi(acpi_memory(madt(apic(1), b"\0\0", apic(2)))) == (True, 0, [1])


def test_entry_of_one_byte_ends_the_table() -> None:
    assert by_acpi(acpi_memory(madt(apic(1), b"\0\1", apic(2)))) == (True, 0, [1])


def test_entry_beyond_the_end_is_not_read() -> None:
    assert by_acpi(acpi_memory(madt(apic(1), apic(2)[:6]))) == (True, 0, [1])
    assert by_acpi(acpi_memory(madt(apic(1), b"\0"))) == (True, 0, [1])


def test_short_entry_of_a_processor_is_passed_over() -> None:
    assert by_acpi(acpi_memory(madt(b"\0\4\1\1", apic(2)))) == (True, 0, [2])


def broken(content: bytes, place: int, value: int) -> bytes:
    """With one byte changed."""
    assert content[place] != value
    return content[:place] + bytes([value]) + content[place + 1 :]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(broken(acpi_memory(madt(apic(1))), MADT + 47, 9), id="MADT does not add up"),
        pytest.param(broken(acpi_memory(madt(apic(1))), ROOT + 30, 9), id="RSDT does not add up"),
        pytest.param(broken(acpi_memory(madt(apic(1))), POINTER + 9, 9), id="pointer does not add up"),
        pytest.param(acpi_memory(described(b"APIC", b"", length=0)), id="length 0"),
        pytest.param(acpi_memory(described(b"APIC", b"", length=35)), id="shorter than its header"),
        pytest.param(acpi_memory(described(b"APIC", b"")), id="header only"),
        pytest.param(acpi_memory(described(b"APIC", bytes(8), length=0x7FFFFFFF)), id="absurd length"),
        pytest.param(acpi_memory(described(b"APIC", bytes(8), length=0xFFF)), id="beyond the end of memory"),
        pytest.param(acpi_memory(described(b"FACP", bytes(8))), id="no MADT"),
        pytest.param(memory((POINTER, root_pointer(0xFFFFFFFF))), id="RSDT outside of memory"),
        pytest.param(memory((POINTER, root_pointer(0, 0xFFFFFFFFFFFFFFF0, 2))), id="XSDT outside of memory"),
        pytest.param(memory(), id="nothing"),
        pytest.param(b"", id="no memory"),
    ],
)
def test_broken_tables_of_acpi_count_as_absent(content: bytes) -> None:
    assert by_acpi(content) == NO_TABLE


def test_root_pointer_outside_of_memory() -> None:
    assert by_acpi(memory(), told=0xFFFFFFFFFFFFFFFF) == NO_TABLE


CONFIGURATION = 0x1800
AREA = 0x1000
AREA_SEGMENT = (0x40E, struct.pack("<H", AREA >> 4))


def mp_pointer(address: int, default: int = 0) -> bytes:
    """An MP floating pointer structure."""
    return summed(b"_MP_" + struct.pack("<IBBBB4x", address, 1, 4, 0, default), 10)


def processor(number: int, flags: int = 1) -> bytes:
    """The entry of a processor in an MP table."""
    return struct.pack("<BBBBII8x", 0, number, 0x14, flags, 0, 0)


BUS = struct.pack("<BB6s", 1, 0, b"ISA   ")
INTERRUPT = struct.pack("<BBHBBBB", 3, 0, 0, 0, 0, 0, 0)


def configuration(*entries: bytes, count: int | None = None, length: int | None = None) -> bytes:
    """An MP configuration table."""
    rest = b"".join(entries)
    length = 44 + len(rest) if length is None else length
    count = len(entries) if count is None else count
    header = b"PCMP" + struct.pack(
        "<HBB8s12sIHHIHH", length, 4, 0, b"TESTER", b"MACHINE", 0, 0, count, 0xFEE00000, 0, 0
    )
    return summed(header + rest, 7)


def mp_memory(table: bytes, address: int = CONFIGURATION, default: int = 0) -> bytes:
    """Memory with a pointer to `address` in the extended BIOS data area, and `table`."""
    return memory(AREA_SEGMENT, (AREA, mp_pointer(address, default)), (CONFIGURATION, table))


def test_mp_table_lists_the_enabled_processors() -> None:
    table = configuration(processor(1, flags=3), processor(4), processor(5, flags=0), BUS, INTERRUPT, processor(6))
    assert by_mp_table(mp_memory(table)) == (True, 0, [1, 4, 6])


@pytest.mark.parametrize("place", [0x9FFF0, 0xFFFF0])
def test_mp_pointer_is_searched(place: int) -> None:
    pieces = [(place, mp_pointer(CONFIGURATION)), (CONFIGURATION, configuration(processor(3)))]
    assert by_mp_table(memory(AREA_SEGMENT, *pieces, size=place + 16)) == (True, 0, [3])


def test_default_configuration_has_two_processors() -> None:
    assert by_mp_table(mp_memory(b"", 0, default=5)) == (True, 0, [0, 1])


def test_more_processors_in_the_mp_table_than_there_is_room_for() -> None:
    table = configuration(*(processor(number) for number in range(MAXIMUM_CPUS + 2)))
    assert by_mp_table(mp_memory(table)) == (True, 2, [0, 1, 2, 3, 4])


@pytest.mark.parametrize(
    ("table", "ids"),
    [
        pytest.param(configuration(processor(1), b"\xc8" + bytes(19), processor(2)), [1], id="unknown type"),
        pytest.param(configuration(processor(1), count=9), [1], id="fewer entries than counted"),
        pytest.param(configuration(processor(1), processor(2), count=0), [1, 2], id="not counted, as by qboot"),
        pytest.param(configuration(processor(1), processor(2)[:10]), [1], id="entry beyond the end"),
        pytest.param(configuration(), [], id="no entries"),
    ],
)
def test_odd_mp_tables(table: bytes, ids: list[int]) -> None:
    assert by_mp_table(mp_memory(table)) == (True, 0, ids)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(broken(mp_memory(configuration(processor(1))), CONFIGURATION + 45, 9), id="table does not add up"),
        pytest.param(broken(mp_memory(configuration(processor(1))), AREA + 9, 9), id="pointer does not add up"),
        pytest.param(mp_memory(configuration(length=0)), id="length 0"),
        pytest.param(mp_memory(configuration(length=43)), id="shorter than its header"),
        pytest.param(mp_memory(b"", 0), id="no table"),
        pytest.param(mp_memory(b"", 0xFFFFFFF0), id="table outside of memory"),
        pytest.param(b"", id="no memory"),
    ],
)
def test_broken_mp_tables_count_as_absent(content: bytes) -> None:
    assert by_mp_table(content) == NO_TABLE
