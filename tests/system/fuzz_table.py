"""The table of calls for user/fuzz: every call that the kernel declares, with arguments that may mean something.

What a parameter is called says what it may be; where the name says too little, the call and the name together do. The
numbers are those of the manual pages.
"""

from __future__ import annotations

import inspect
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from harness.interface import call_numbers
from kernel.syscalls.declare import SYSCALLS, Declaration
from tests.system import fuzz_values as values
from tests.system.fuzz_openings import MORE, OPENINGS
from tests.system.fuzz_sockets import SOCKETS
from tests.system.fuzz_values import Choice, Flags, Struct, Text, Wanted
from user.fuzz.kinds import CALL_WORDS, TABLE_WORDS, TEXT_BYTES

PARAMETERS = 6
SPECIAL = {**values.SPECIAL, **SOCKETS}
WORD_MASK = (1 << 64) - 1
OMITTED = frozenset({"exit", "exit_group"})
"""They are made by the program itself, at the end."""


@dataclass(frozen=True)
class Opening:
    """A call that every round begins with."""

    name: str
    arguments: tuple[Wanted | int, ...]


class Table:
    """The words under way."""

    def __init__(self, calls: int) -> None:
        self.words = [0] * (calls * int(CALL_WORDS))
        self.known: dict[str, int] = {}

    def add(self, words: Sequence[int]) -> int:
        """Words that values refer to; the place of the first one."""
        place = len(self.words)
        self.words += [word & WORD_MASK for word in words]
        return place

    def value(self, wanted: Wanted) -> int:
        """The word that stands for a value, and what it needs behind the calls; once for equal values."""
        known = self.known.get(repr(wanted))
        return self.describe(wanted) if known is None else known

    def describe(self, wanted: Wanted) -> int:
        """`value` for one that is new."""
        count = start = 0
        match wanted:
            case Choice() | Flags():
                count, start = len(wanted.words), self.add(wanted.words)
            case Text():
                content = b"".join(text.encode("latin-1").ljust(int(TEXT_BYTES), b"\0") for text in wanted.texts)
                count, start = len(wanted.texts), self.add(struct.unpack(f"<{len(content) // 8}Q", content))
            case Struct():
                fields = [self.value(field) for field in wanted.fields]
                count, start = len(fields), self.add(fields)
        word = int(wanted.kind) | wanted.size << 8 | count << 16 | start << 32
        self.known[repr(wanted)] = word
        return word

    def set_call(self, index: int, number: int, wanted: Sequence[Wanted]) -> None:
        """Describe one call."""
        first = index * int(CALL_WORDS)
        padded = [*wanted, *[values.ANY] * (PARAMETERS - len(wanted))]
        self.words[first] = number
        self.words[first + 1 : first + 1 + PARAMETERS] = [self.value(value) for value in padded]


def wanted_for(declaration: Declaration) -> list[Wanted]:
    """What the parameters of a call may be."""
    parameters = list(inspect.signature(declaration.function).parameters.values())[1:]
    found = []
    for parameter in parameters:
        name, kind = parameter.name, str(parameter.annotation)
        special = SPECIAL.get((declaration.name, name))
        if special is None:
            special = values.BY_NAME.get((name, kind)) or values.BY_NAME.get((name, "")) or values.BY_TYPE.get(kind)
        found.append(special or values.ANY)
    return found


def settings(seed: int, rounds: int, calls: int, threads: int) -> bytes:
    """The input of the program."""
    numbers = call_numbers()
    chosen = [number for number, declaration in sorted(SYSCALLS.items()) if declaration.name not in OMITTED]
    openings = [Opening(name, arguments) for name, *arguments in OPENINGS]  # type: ignore[misc]
    table = Table(len(openings) + len(chosen) + len(MORE))
    for index, opening in enumerate(openings):
        wanted = [Choice((value,)) if isinstance(value, int) else value for value in opening.arguments]
        table.set_call(index, numbers[opening.name], wanted)
    for index, number in enumerate(chosen, len(openings)):
        table.set_call(index, number, wanted_for(SYSCALLS[number]))
    for index, (name, wanted) in enumerate(MORE, len(openings) + len(chosen)):
        table.set_call(index, numbers[name], wanted)
    assert len(table.words) <= TABLE_WORDS
    header = (seed, rounds, calls, threads, len(openings), len(chosen) + len(MORE), len(table.words), 0)
    return struct.pack(f"<{8 + len(table.words)}Q", *header, *table.words)
