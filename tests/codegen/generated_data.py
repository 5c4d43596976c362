"""Random programs that work on memory: arrays, slices, packed values, embedded structs, references.

All arithmetic in them wraps, so one text is the program for CPython and for the compiler.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies

from codegen.lang import (
    Array,
    Atomic,
    IntEnum,
    array,
    bit,
    bits,
    inline,
    inline_array,
    struct,
    u8,
    u16,
    u32,
    u64,
    width,
)


@width(u8)
class Kind(IntEnum):
    """An enumeration with a gap."""

    EMPTY = 0
    FULL = 1
    ODD = 7


@bits
class Entry:
    """A packed value with an odd width in it."""

    present: bool = bit(0)
    level: u8 = bits(1, 4)
    frame: u64 = bits(12, 40)


@struct
class Cell:
    """An element that others refer to."""

    value: u32 = 3
    tag: u16 = 0
    next: Cell | None = None


@struct
class Board:
    """All state of a program."""

    numbers: Array[u32] = array(8)
    content: Array[u8] = array(16)
    flags: Array[bool] = array(4)
    entry: Entry = Entry(level=5)
    kind: Kind = Kind.FULL
    cell: Cell = inline()
    cells: Array[Cell] = inline_array(4)
    chosen: Cell | None = None
    hits: Atomic[u32] = inline()


INDICES = ("a", "b", "a % 4", "b % 8", "2", "u64(v) % 16", "len(board.content) - 1")
NUMBERS = ("v", "7", "truncate(u32, a)", "wrapping_mul(u32, v, 2654435761)", "board.numbers[{i} % 8]")

STATEMENTS = (
    "board.numbers[{i}] = wrapping_add(u32, board.numbers[{j}], {n})",
    "board.content[{i}] = truncate(u8, {n})",
    "copy(board.content[{i}:{j}], board.content[{k}:{l}])",
    "copy(board.content[1:12], board.content[{i} % 5 : {i} % 5 + 11])",
    "fill(board.content[{i}:{j}], truncate(u8, {n}))",
    "fill(board.numbers[{i}:], {n})",
    "store(u32, board.content, {i}, {n})",
    "v = wrapping_add(u32, v, load(u16, board.content, {i}))",
    "board.entry = replace(board.entry, frame=u64({n}) >> 4, present=not board.entry.present)",
    "board.entry = replace(board.entry, level=truncate(u8, {n}) % 9)",
    "board.entry = from_raw(Entry, u64({n}) * 65537)",
    "v = truncate(u32, to_raw(board.entry) >> 8) ^ truncate(u32, board.entry.frame)",
    "board.kind = Kind(truncate(u8, {n}) % 10)",
    "board.cells[{i}].value = {n}",
    "board.cell.tag = truncate(u16, {n})",
    "board.chosen = board.cells[{i}]",
    "board.cells[{i} % 4].next = board.chosen",
    "board.flags[{i}] = not board.flags[{j}]",
    "board.flags[{i} % 4] = {n} > v and board.flags[0]",
    "v = wrapping_add(u32, v, board.hits.fetch_add({n}))",
    "v = min(v, {n})",
)

BLOCKS = (
    "for item in board.numbers[{i}:{j}]:\n    v = wrapping_add(u32, v, item)",
    "for position in range({i}, {j}):\n    board.content[position] = truncate(u8, v)\n    v = wrapping_mul(u32, v, 3)",
    "if board.content[{i}:{j}] == board.content[{k}:{l}]:\n    v = invert(u32, v)",
    "chosen = board.chosen\nif chosen is not None:\n    chosen.value = wrapping_add(u32, chosen.value, {n})\n"
    "    if chosen is board.cells[0]:\n        v = chosen.value",
    "chosen = board.chosen\nwhile chosen is not None and v % 5 != 0:\n    v = wrapping_add(u32, v, 1)\n"
    "    chosen.tag = truncate(u16, v)\n    chosen = chosen.next",
    "match board.kind:\n    case Kind.EMPTY:\n        v = 1\n    case Kind.FULL | Kind.ODD:\n"
    "        v = wrapping_sub(u32, v, 1)",
    "cell = board.cells[{i} % 4]\ncell.value = {n}\nv = board.cells[{j} % 4].value",
)


@strategies.composite
def data_programs(draw: Any) -> list[str]:
    """The lines of `program(board, a, b)`."""
    lines = ["def program(board: Board, a: u64, b: u64) -> u32:", "    v: u32 = 1"]
    for _ in range(draw(strategies.integers(2, 10))):
        shape = draw(strategies.sampled_from(STATEMENTS) | strategies.sampled_from(BLOCKS))
        number = draw(strategies.sampled_from(NUMBERS))
        names = {name: draw(strategies.sampled_from(INDICES)) for name in "ijkl"}
        text = shape.replace("{n}", number)
        for name, index in names.items():
            text = text.replace(f"{{{name}}}", f"({index})")
        lines += [f"    {line}" for line in text.splitlines()]
    return [*lines, "    return v"]
