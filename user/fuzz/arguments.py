"""One random call: its arguments are made as the table says, or now and then otherwise."""

from __future__ import annotations

from codegen.lang import (
    address_of,
    from_raw,
    i64,
    inline,
    local_array,
    slice_at,
    static_array,
    struct,
    truncate,
    u8,
    u64,
    wrapping_add,
    wrapping_sub,
)
from user.fuzz.dice import Dice
from user.fuzz.kinds import TEXT_BYTES, Kind, Value
from user.fuzz.threads import handler, new_stack
from user.lib.threads import any_call

MMAP: u64 = 9
MPROTECT: u64 = 10
GETTID: u64 = 186
CLOCK_GETTIME: u64 = 228
READ_ONLY, READ_WRITE = 1, 3
FIXED_ANONYMOUS: u64 = 0x32
NO_FILE: u64 = (1 << 64) - 1
PAGE: u64 = 4096

SETTINGS = static_array(u64, 8)
TABLE = static_array(u64, 16384)
DATA = static_array(u64, 4096)
"""Words that pointers point to, in two halves: structs are made in the first one."""
DATA_BYTES: u64 = 32768
STRUCT_SLOTS: u64 = 64
SLOT_WORDS: u64 = 32
RECENT = static_array(u64, 16)
CLOCK = static_array(u64, 2)

AREA: u64 = 0x1000_0000
AREA_PAGES: u64 = 24
READABLE_PAGE: u64 = 0x0FF0_0000
"""A page that may only be read, and behind it none."""

EDGES: tuple[u64, ...] = (
    0, 1, 2, 3, 7, 8, 9, 16, 17, 64, 127, 128, 255, 256, 1023, 1024, 4095, 4096, 4097, 65535, 65536,
    0x1F_FFFF, 0x20_0000, 0x3FFF_FFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1_0000_0000,
    0x7FFF_FFFF_E000, 0x7FFF_FFFF_EFFF, 0x7FFF_FFFF_F000, 0x7FFF_FFFF_FFFF, 0x8000_0000_0000,
    0xFFFF_7FFF_FFFF_FFFF, 0xFFFF_8000_0000_0000, 0xFFFF_FFFF_8000_0000, 0xFFFF_FFFF_FFFF_F000,
    0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, 0xFFFF_FFFF_FFFF_FF9C, 0xFFFF_FFFF_FFFF_FFFE, 0xFFFF_FFFF_FFFF_FFFF,
)  # fmt: skip
EDGE_COUNT: u64 = len(EDGES)
COPYING: tuple[u64, ...] = (56, 57, 58, 435)
"""clone, fork, vfork, clone3: 0 is the answer that the copy gets."""
DISTANCES: tuple[u64, ...] = (0, 1, NO_FILE, PAGE, NO_FILE - PAGE + 1, 8, NO_FILE - 7)
"""How far from an edge two values meet: there, or a bit below or above."""
MEETING: u64 = 6
"""In one call, and one struct, of so many two values are chosen such that their sum is at an edge."""
ODDITY: u64 = 24
"""One value of so many is of another kind than the table says."""


@struct
class Player:
    """What one thread needs to make calls."""

    dice: Dice = inline()


def prepare() -> None:
    """The memory that pointers point to."""
    plain_call(MMAP, AREA, AREA_PAGES * PAGE, READ_WRITE, FIXED_ANONYMOUS)
    plain_call(MMAP, READABLE_PAGE, PAGE, READ_WRITE, FIXED_ANONYMOUS)
    plain_call(MPROTECT, READABLE_PAGE, PAGE, READ_ONLY, 0)


def plain_call(number: u64, a0: u64, a1: u64, a2: u64, a3: u64) -> i64:
    """A call without a file."""
    return any_call(number, a0, a1, a2, a3, NO_FILE, 0)


def after_copy(player: Player) -> None:
    """Numbers of its own for a new thread or process."""
    plain_call(CLOCK_GETTIME, 1, address_of(CLOCK), 0, 0)
    player.dice.state = (CLOCK[1] << 20) ^ u64(plain_call(GETTID, 0, 0, 0, 0)) | 1


def any_value(dice: Dice) -> u64:
    """A value without a meaning."""
    kind = dice.below(6)
    if kind < 2:
        return dice.below(16)
    if kind == 2:
        return EDGES[dice.below(EDGE_COUNT)]
    if kind == 3:
        return pointer(dice)
    if kind == 4:
        return 1 << dice.below(64)
    return dice.throw()


def pointer(dice: Dice) -> u64:
    """An address of the data; sometimes one that may not be read or written, or not to its end."""
    kind = dice.below(16)
    if kind == 0:
        return READABLE_PAGE + PAGE - dice.below(32)
    if kind == 1:
        return READABLE_PAGE + dice.below(PAGE)
    if kind == 2:
        return page(dice) + PAGE - dice.below(32)
    if kind == 3:
        return EDGES[dice.below(EDGE_COUNT)]
    if kind == 4:
        return 0
    return address_of(DATA) + dice.below(DATA_BYTES) // 8 * 8


def page(dice: Dice) -> u64:
    """The address of a page that may be mapped."""
    return AREA + dice.below(AREA_PAGES) * PAGE


def descriptor(dice: Dice) -> u64:
    """The number of a file that may be open: often what a call gave back last, or lately."""
    kind = dice.below(4)
    if kind == 0:
        return RECENT[0]
    if kind == 1:
        return RECENT[dice.below(8)]
    return dice.below(24)


def length(dice: Dice) -> u64:
    """How many bytes, pages or elements."""
    kind = dice.below(8)
    if kind < 3:
        return dice.below(80)
    if kind < 5:
        return dice.below(8) * PAGE
    if kind == 5:
        return dice.below(5 * PAGE)
    if kind == 6:
        return 8
    return EDGES[dice.below(EDGE_COUNT)]


def met(dice: Dice, other: u64) -> u64:
    """A value that together with `other` makes an edge, or nearly so."""
    distance = DISTANCES[dice.below(len(DISTANCES))]
    return wrapping_add(u64, wrapping_sub(u64, EDGES[dice.below(EDGE_COUNT)], other), distance)


def let_fields_meet(dice: Dice, start: u64, words: u64) -> None:
    """Let two words of a struct that has so many meet at an edge; the other may be at one itself."""
    content = slice_at(u64, start, words)
    one = dice.below(words)
    if dice.below(3) == 0:
        content[one] = EDGES[dice.below(EDGE_COUNT)]
    content[dice.below(words)] = met(dice, content[one])


def make_struct(dice: Dice, value: Value) -> u64:
    """A struct of the fields that the table gives; its address."""
    start = address_of(DATA) + dice.below(STRUCT_SLOTS) * SLOT_WORDS * 8
    offset: u64 = 0
    for index in range(u64(value.count)):
        field = from_raw(Value, TABLE[u64(value.start) + index])
        thrown = make_value(dice, field)
        size = u64(field.size)
        for byte in range(size):
            slice_at(u8, start + offset + byte, 1)[0] = truncate(u8, thrown >> byte * 8)
        offset += size
    if offset >= 16 and dice.below(MEETING) == 0:
        let_fields_meet(dice, start, offset // 8)
    return start


def combined(dice: Dice, value: Value) -> u64:
    """Some of the words of a value, or'ed."""
    result: u64 = 0
    for _ in range(dice.below(4)):
        result |= TABLE[u64(value.start) + dice.below(u64(value.count))]
    return result


def make_value(dice: Dice, value: Value) -> u64:
    """A value as the table says, or now and then another one."""
    kind = Kind(value.kind)
    if kind == Kind.CHOICE and value.count == 1:
        return TABLE[value.start]
    if dice.below(ODDITY) == 0:
        return any_value(dice)
    match kind:
        case Kind.CHOICE:
            return TABLE[u64(value.start) + dice.below(u64(value.count))]
        case Kind.FLAGS:
            return combined(dice, value)
        case Kind.TEXT:
            return address_of(TABLE) + u64(value.start) * 8 + dice.below(u64(value.count)) * TEXT_BYTES
        case Kind.DESCRIPTOR:
            return descriptor(dice)
        case Kind.RECENT:
            return RECENT[dice.below(16)]
        case Kind.ADDRESS:
            return page(dice)
        case Kind.POINTER:
            return pointer(dice)
        case Kind.LENGTH:
            return length(dice)
        case Kind.HANDLER:
            return handler()
        case Kind.STACK:
            return new_stack()
        case _:
            return any_value(dice)


def make_argument(dice: Dice, value: Value) -> u64:
    """A value, or the address of a struct of values."""
    if value.kind == Kind.STRUCT and dice.below(12) != 0:
        return make_struct(dice, value)
    return make_value(dice, value)


def note_result(dice: Dice, result: i64) -> None:
    """Remember what a call gave back: small numbers in the first half, the last one first, addresses in the second."""
    if 0 < result < 65536:
        RECENT[dice.below(8)] = u64(result)
        RECENT[0] = u64(result)
    elif result >= 65536:
        RECENT[8 + dice.below(8)] = u64(result)


def make_call(player: Player, start: u64) -> None:
    """The call at word `start` of the table, with arguments."""
    dice = player.dice
    number = TABLE[start]
    arguments = local_array(u64, 6)
    for index in range(6):
        arguments[index] = make_argument(dice, from_raw(Value, TABLE[start + 1 + index]))
    if dice.below(MEETING) == 0:
        let_fields_meet(dice, address_of(arguments), 6)
    result = any_call(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5])
    note_result(dice, result)
    if result == 0 and number in COPYING:
        after_copy(player)
