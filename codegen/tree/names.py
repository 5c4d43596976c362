"""What names stand for: locals, labels, statics and functions, each one object; and where things were written."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from codegen.types import Type

if TYPE_CHECKING:
    from codegen.tree.statements import Statement

__all__ = [
    "Assembly", "Function", "Label", "Local", "Location", "Relocation", "Static", "StaticKind",
]  # fmt: skip


class Location(NamedTuple):
    """Where a node was written; lines count from 1, columns (UTF-8 bytes) from 0, `end_column` is past the end."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    function: str


@dataclass(eq=False, slots=True)
class Local:
    """A parameter or variable of one function; assigned by value, its address is never taken.

    A name that begins with a dot is the compiler's own: a debugger does not show it.
    """

    name: str
    type: Type


@dataclass(eq=False, slots=True)
class Label:
    """The end of a `Block` or `Loop`; two labels are the same only if they are the same object."""

    name: str


class StaticKind(Enum):
    DATA = "data"  # storage the program may write: .data, or .bss when all zero
    CONSTANT = "constant"  # tables, text, templates of structs: .rodata
    VTABLE = "vtable"  # the functions of one struct, in slot order, null where it has none: .rodata


class Relocation(NamedTuple):
    """The 8 bytes at `offset` hold the address of `target` plus `addend`."""

    offset: int
    target: Static | Function
    addend: int


@dataclass(eq=False, slots=True)
class Static:
    """An object with an address that exists before the program starts."""

    symbol: str
    module: str
    kind: StaticKind
    size: int
    alignment: int
    image: bytes = b""  # `size` bytes, or empty when all are zero and there are no relocations
    relocations: list[Relocation] = field(default_factory=list)
    type: Type | None = None  # EmbeddedType or ArrayType, for the inspector
    host: object = None  # the module-level object that this is, for codegen.run


@dataclass(frozen=True, slots=True)
class Assembly:
    """An `@instruction`: LLVM inline assembly; operands are the parameters in order."""

    template: str
    constraints: str


@dataclass(eq=False, slots=True)
class Function:
    """One concrete function. `body` is None for an `external` one and for an `assembly` one."""

    symbol: str
    module: str
    location: Location
    parameters: list[Local]
    result: Type
    fallible: bool = False
    body: list[Statement] | None = None
    inline: bool = False  # emit a copy into each module that calls it
    noinline: bool = False
    hot: bool = False  # `@hot`: it lies beside all others that are hot
    export: bool = False  # `symbol` is the plain name, System V convention
    external: bool = False
    assembly: Assembly | None = None
    errors: frozenset[int] = frozenset()  # the error numbers it can let out; empty also when unknown
    sleeps: bool = False  # `@sleeps`
    must_use: bool = False  # `@must_use`
    turns: int = 0  # of `@bounded`: it is active at most so often at a time; 0 without the mark
