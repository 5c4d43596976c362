"""Functions on bytes, words and text. Each has its twin in functions.c, and gets the arena and a count.

The arena is 64 KiB; what a function reads stands at its beginning, what it writes from `OUTPUT` on.
"""

from __future__ import annotations

from codegen.lang import (
    MutableSlice,
    Slice,
    comptime,
    count_trailing_zeros,
    export,
    invert,
    slice_at,
    u8,
    u16,
    u32,
    u64,
    view,
    wrapping_add,
    wrapping_mul,
    wrapping_shl,
)

OUTPUT: u64 = 32768
SLASH: u8 = 0x2F
DOT: u8 = 0x2E


@export
def copy_words(arena: u64, count: u64) -> u64:
    """Copy words one by one."""
    source = slice_at(u64, arena, count)
    destination = slice_at(u64, arena + OUTPUT, count)
    for index in range(count):
        destination[index] = source[index]
    return count


@export
def internet_checksum(arena: u64, count: u64) -> u64:
    """The checksum of IP, TCP and UDP (RFC 1071), of an even number of bytes."""
    total: u32 = 0
    for word in view(u16, slice_at(u8, arena, count)):
        total = wrapping_add(u32, total, word)
    while total >> 16 != 0:
        total = (total & 0xFFFF) + (total >> 16)
    return u64(invert(u32, total) & 0xFFFF)


@comptime
def crc_table() -> tuple[int, ...]:
    """CRC-32 of each byte (ISO 3309, the polynomial reflected)."""
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (0xEDB88320 if value & 1 else 0)
        table.append(value)
    return tuple(table)


CRC_TABLE: tuple[u32, ...] = crc_table()


@export
def crc32(arena: u64, count: u64) -> u64:
    """CRC-32 by table, a byte at a time."""
    value: u32 = 0xFFFFFFFF
    for byte in slice_at(u8, arena, count):
        value = value >> 8 ^ u32(CRC_TABLE[(value ^ byte) & 0xFF])
    return u64(invert(u32, value))


@export
def fnv_hash(arena: u64, count: u64) -> u64:
    """FNV-1a, 64 bits (Fowler, Noll and Vo)."""
    value: u64 = 0xCBF29CE484222325
    for byte in slice_at(u8, arena, count):
        value = wrapping_mul(u64, value ^ byte, 0x100000001B3)
    return value


def rotate(value: u64, count: u64) -> u64:
    """`value` rotated left."""
    return wrapping_shl(u64, value, count) | value >> 64 - count


@export
def sip_rounds(arena: u64, count: u64) -> u64:
    """SipHash's compression, one round a word (Aumasson and Bernstein, 2012)."""
    a: u64 = 0x736F6D6570736575
    b: u64 = 0x646F72616E646F6D
    c: u64 = 0x6C7967656E657261
    d: u64 = 0x7465646279746573
    for word in slice_at(u64, arena, count):
        d ^= word
        a = wrapping_add(u64, a, b)
        b = rotate(b, 13) ^ a
        a = rotate(a, 32)
        c = wrapping_add(u64, c, d)
        d = rotate(d, 16) ^ c
        a = wrapping_add(u64, a, d)
        d = rotate(d, 21) ^ a
        c = wrapping_add(u64, c, b)
        b = rotate(b, 17) ^ c
        c = rotate(c, 32)
        a ^= word
    return a ^ b ^ c ^ d


def find_clear(words: Slice[u64], start: u64) -> u64:
    """The lowest clear bit not below `start`, or the number of bits."""
    index = start // 64
    while index < len(words):
        clear = invert(u64, words[index])
        if index == start // 64:
            clear &= wrapping_shl(u64, 0xFFFFFFFFFFFFFFFF, start % 64)
        if clear != 0:
            return index * 64 + count_trailing_zeros(u64, clear)
        index += 1
    return len(words) * 64


@export
def bitmap_search(arena: u64, count: u64) -> u64:
    """Take every clear bit of a bitmap of `count` words, lowest first; their number."""
    words = slice_at(u64, arena, count)
    taken: u64 = 0
    bit = find_clear(words, 0)
    while bit < count * 64:
        words[bit // 64] |= u64(1) << bit % 64
        taken += 1
        bit = find_clear(words, bit)
    return taken


@export
def parse_path(arena: u64, count: u64) -> u64:
    """Split a path at slashes, leaving out empty parts and `.`; parts, depth and a sum of lengths and first bytes."""
    path = slice_at(u8, arena, count)
    parts: u64 = 0
    depth: u64 = 0
    total: u64 = 0
    position: u64 = 0
    while position < len(path):
        while position < len(path) and path[position] == SLASH:
            position += 1
        start = position
        while position < len(path) and path[position] != SLASH:
            position += 1
        part = path[start:position]
        if len(part) == 0 or (len(part) == 1 and part[0] == DOT):
            continue
        parts += 1
        if len(part) == 2 and part[0] == DOT and part[1] == DOT:
            if depth > 0:
                depth -= 1
        else:
            depth += 1
            total += len(part) + u64(part[0])
    return parts * 65536 + depth * 256 + total % 256


def format_decimal(destination: MutableSlice[u8], value: u64) -> u64:
    """Write `value` in decimal at the end of `destination`; the index of its first digit."""
    index = u64(len(destination))
    while True:
        index -= 1
        destination[index] = u8(value % 10 + 0x30)
        value //= 10
        if value == 0:
            return index


@export
def format_numbers(arena: u64, count: u64) -> u64:
    """Write numbers in decimal, one in each 16 bytes of the output; the number of digits."""
    numbers = slice_at(u32, arena, count)
    output = slice_at(u8, arena + OUTPUT, count * 16)
    digits: u64 = 0
    for index in range(count):
        field = output[index * 16 : index * 16 + 16]
        digits += 16 - format_decimal(field, u64(numbers[index]))
    return digits


@export
def sort_numbers(arena: u64, count: u64) -> u64:
    """Sort numbers by insertion; the smallest."""
    numbers = slice_at(u32, arena, count)
    for sorted_count in range(1, count):
        value = numbers[sorted_count]
        index: u64 = sorted_count
        while index > 0 and numbers[index - 1] > value:
            numbers[index] = numbers[index - 1]
            index -= 1
        numbers[index] = value
    return u64(numbers[0])
