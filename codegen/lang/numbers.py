"""Integers of exact width, and units: what a number of the kernel language is on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

from codegen.lang.traps import Panic, TrapKind


class IntType:
    """An integer type: `bits` wide, `signed` or not. Calling it converts, and traps out of range."""

    def __init__(self, name: str, bits: int, *, signed: bool) -> None:
        self.name = name
        self.bits = bits
        self.signed = signed
        self.minimum = -(1 << bits - 1) if signed else 0
        self.maximum = (1 << bits - (1 if signed else 0)) - 1

    def __call__(self, value: int) -> int:
        number = int(value)
        if not self.minimum <= number <= self.maximum:
            raise Panic(TrapKind.NARROWING, f"{number} is not a {self.name}")
        return number

    def __repr__(self) -> str:
        return self.name

    def wrap(self, value: int) -> int:
        """The value of this type that is congruent to `value` modulo 2**bits."""
        low = value & ((1 << self.bits) - 1)
        return low - (1 << self.bits) if low > self.maximum else low


if TYPE_CHECKING:
    u8: TypeAlias = int
    u16: TypeAlias = int
    u32: TypeAlias = int
    u64: TypeAlias = int
    i8: TypeAlias = int
    i16: TypeAlias = int
    i32: TypeAlias = int
    i64: TypeAlias = int
    usize: TypeAlias = int
else:
    u8, u16, u32, u64 = (IntType(f"u{bits}", bits, signed=False) for bits in (8, 16, 32, 64))
    i8, i16, i32, i64 = (IntType(f"i{bits}", bits, signed=True) for bits in (8, 16, 32, 64))
    usize = u64


def int_type(kind: Any) -> IntType:
    """The integer type behind `kind`: itself, or that of a unit, enumeration or packed class."""
    width: Any = kind if isinstance(kind, IntType) else getattr(kind, "__width__", None)
    if not isinstance(width, IntType):
        raise TypeError(f"{kind!r} has no integer width")
    return width


class Unit(int):
    """Base of the unit types: plain integers that may not be mixed with one another.

    `class PhysAddr(Unit, width=u64)` declares one; `PhysAddr(x)` wraps an integer and traps when
    it does not fit. Arithmetic on a unit gives a plain integer.
    """

    __width__: IntType

    def __init_subclass__(cls, width: Any, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        cls.__width__ = int_type(width)

    def __new__(cls, value: int) -> Self:
        return super().__new__(cls, cls.__width__(value))


class PhysAddr(Unit, width=u64):
    """A physical address."""


class VirtAddr(Unit, width=u64):
    """A virtual address of the kernel's half."""


class UserAddr(Unit, width=u64):
    """An address that a program gave: an allegation, never dereferenced."""


class FrameNumber(Unit, width=u64):
    """A physical address divided by 4096."""


class Fd(Unit, width=i32):
    """A file descriptor."""


class Pid(Unit, width=i32):
    """A process id as its own container sees it."""


class Nanoseconds(Unit, width=u64):
    """A duration, or a time since start, in nanoseconds."""


N = TypeVar("N", bound=int)


def truncate(kind: type[N], value: int) -> N:
    """The low bits of `value` as a `kind`; never traps."""
    wrapped = int_type(kind).wrap(int(value))
    return kind(wrapped)


def wrapping_add(kind: type[N], a: int, b: int) -> N:
    """a + b modulo two to the width of `kind`."""
    return truncate(kind, a + b)


def wrapping_sub(kind: type[N], a: int, b: int) -> N:
    """a - b modulo two to the width of `kind`."""
    return truncate(kind, a - b)


def wrapping_mul(kind: type[N], a: int, b: int) -> N:
    """a * b modulo two to the width of `kind`."""
    return truncate(kind, a * b)


def wrapping_shl(kind: type[N], a: int, count: int) -> N:
    """a << count with the bits that leave the width dropped; traps when count is not below it."""
    if not 0 <= count < int_type(kind).bits:
        raise Panic(TrapKind.SHIFT, f"count {count}")
    return truncate(kind, a << count)


def saturating_sub(kind: type[N], a: int, b: int) -> N:
    """a - b, or the nearest value of `kind` where that would be outside of it."""
    width = int_type(kind)
    return kind(max(width.minimum, min(width.maximum, a - b)))


def invert(kind: type[N], value: int) -> N:
    """The complement of `value` in the width of `kind`."""
    return truncate(kind, ~value)


def count_trailing_zeros(kind: type[N], value: int) -> int:
    """How many zero bits stand below the lowest set bit; the width for 0. A u32."""
    return (value & -value).bit_length() - 1 if value else int_type(kind).bits


def count_leading_zeros(kind: type[N], value: int) -> int:
    """How many zero bits stand above the highest set bit; the width for 0. A u32."""
    width = int_type(kind)
    return width.bits - (value & ((1 << width.bits) - 1)).bit_length()


def population_count(kind: type[N], value: int) -> int:
    """How many bits are set. A u32."""
    return (value & ((1 << int_type(kind).bits) - 1)).bit_count()


def align_down(value: N, boundary: int) -> N:
    """The largest multiple of `boundary`, a power of two, not above `value`."""
    return type(value)(value & -boundary)


def align_up(value: N, boundary: int) -> N:
    """The smallest multiple of `boundary`, a power of two, not below `value`."""
    return type(value)((value + boundary - 1) & -boundary)
