"""The types of the kernel language, after names are resolved and generics are instantiated.

A type is an immutable value; equal types compare equal. What a value of each looks like in a
register (the target is x86-64, System V; `lower` relies on this table):

| type | value |
| --- | --- |
| `Int`, `UnitType`, `EnumType`, `BitsType` | an integer of `bits` bits: in memory 8, 16, 32 or 64 |
| `BoolType` | one bit (a byte in memory) |
| `StructType`, `InterfaceType` | a pointer, never null |
| `OptionalType` | the pointer of its inner type, null for None |
| `FunctionType` | the address of code |
| `SliceType` | the pair (pointer, u64 length) |
| `UserSliceType` | the pair (u64 address, u64 length) |
| `TupleType` | its elements side by side |
| `ErrorType` | a positive Linux error number, 32 bits |
| `VoidType`, `NeverType` | nothing |

A packed field on its way is an `Int` of any width, such as `Int(40)`.

`EmbeddedType`, `ArrayType` and `AtomicType` are types of places only: they have an address and are
never values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Int:
    bits: int
    signed: bool

    def __str__(self) -> str:
        return f"{'i' if self.signed else 'u'}{self.bits}"


@dataclass(frozen=True, slots=True)
class BoolType:
    bits: int = 1
    signed: bool = False

    def __str__(self) -> str:
        return "bool"


@dataclass(frozen=True, slots=True)
class UnitType:
    """An integer with a meaning, such as PhysAddr."""

    cls: type
    bits: int
    signed: bool

    def __str__(self) -> str:
        return self.cls.__name__


@dataclass(frozen=True, slots=True)
class EnumType:
    """An IntEnum, or an IntFlag when `is_flag`."""

    cls: Any
    bits: int
    signed: bool
    is_flag: bool

    def __str__(self) -> str:
        return str(self.cls.__name__)


@dataclass(frozen=True, slots=True)
class BitsType:
    """A `@bits` class: immutable fields packed into one unsigned integer."""

    cls: type
    bits: int
    signed: bool = False

    def __str__(self) -> str:
        return self.cls.__name__


@dataclass(frozen=True, slots=True)
class StructType:
    """A reference to a `@struct` class, instantiated with `arguments` when it is generic."""

    cls: Any
    arguments: tuple[Type, ...] = ()

    def __str__(self) -> str:
        if not self.arguments:
            return str(self.cls.__name__)
        return f"{self.cls.__name__}[{', '.join(map(str, self.arguments))}]"


@dataclass(frozen=True, slots=True)
class InterfaceType:
    """A reference to any struct that implements the Interface class."""

    cls: type

    def __str__(self) -> str:
        return self.cls.__name__


@dataclass(frozen=True, slots=True)
class FunctionType:
    parameters: tuple[Type, ...]
    result: Type
    fallible: bool

    def __str__(self) -> str:
        result = f"Fallible[{self.result}]" if self.fallible else str(self.result)
        return f"Callable[[{', '.join(map(str, self.parameters))}], {result}]"


@dataclass(frozen=True, slots=True)
class OptionalType:
    """`T | None`: a reference, interface or function that may be None."""

    inner: Type

    def __str__(self) -> str:
        return f"{self.inner} | None"


@dataclass(frozen=True, slots=True)
class SliceType:
    """A bounds-checked view; `element` is an EmbeddedType when it views structs laid side by side."""

    element: Type
    mutable: bool

    def __str__(self) -> str:
        return f"{'MutableSlice' if self.mutable else 'Slice'}[{self.element}]"


@dataclass(frozen=True, slots=True)
class UserSliceType:
    def __str__(self) -> str:
        return "UserSlice"


@dataclass(frozen=True, slots=True)
class TupleType:
    elements: tuple[Type, ...]

    def __str__(self) -> str:
        return f"tuple[{', '.join(map(str, self.elements))}]"


@dataclass(frozen=True, slots=True)
class ErrorType:
    """An Errno in flight, as `except Errno as error` names it."""

    bits: int = 32
    signed: bool = True

    def __str__(self) -> str:
        return "Errno"


@dataclass(frozen=True, slots=True)
class VoidType:
    def __str__(self) -> str:
        return "None"


@dataclass(frozen=True, slots=True)
class NeverType:
    def __str__(self) -> str:
        return "Never"


@dataclass(frozen=True, slots=True)
class EmbeddedType:
    """The place of a struct held by value: a field with `inline()`, an element of `inline_array`."""

    struct: StructType

    def __str__(self) -> str:
        return str(self.struct)


@dataclass(frozen=True, slots=True)
class ArrayType:
    element: Type
    length: int

    def __str__(self) -> str:
        return f"Array[{self.element}]"


@dataclass(frozen=True, slots=True)
class AtomicType:
    inner: Type

    def __str__(self) -> str:
        return f"Atomic[{self.inner}]"


Type = (
    Int | BoolType | UnitType | EnumType | BitsType | StructType | InterfaceType | FunctionType | OptionalType |
    SliceType | UserSliceType | TupleType | ErrorType | VoidType | NeverType | EmbeddedType | ArrayType |
    AtomicType
)  # fmt: skip

IntegerLike = (Int, BoolType, UnitType, EnumType, BitsType, ErrorType)
ReferenceLike = (StructType, InterfaceType, FunctionType, OptionalType)
PlaceOnly = (EmbeddedType, ArrayType, AtomicType)

U8, U16, U32, U64 = Int(8, False), Int(16, False), Int(32, False), Int(64, False)
I8, I16, I32, I64 = Int(8, True), Int(16, True), Int(32, True), Int(64, True)
BOOL = BoolType()
VOID = VoidType()
NEVER = NeverType()
ERROR = ErrorType()
USER_SLICE = UserSliceType()
BYTES = SliceType(U8, mutable=False)


def integer_range(type_: Any) -> tuple[int, int]:
    """The smallest and the largest value of an integer-like type."""
    if type_.signed:
        return -(1 << (type_.bits - 1)), (1 << (type_.bits - 1)) - 1
    return 0, (1 << type_.bits) - 1
