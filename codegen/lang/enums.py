"""Enumerations with a width, and packed bit fields."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import Enum, IntFlag
from typing import Any, TypeVar, dataclass_transform, overload

from codegen.lang.numbers import IntType, int_type, u32, u64
from codegen.lang.traps import Panic, TrapKind

E = TypeVar("E", bound=type[Enum])
C = TypeVar("C")


def width(kind: Any) -> Callable[[E], E]:
    """Give an IntEnum or IntFlag the integer type that it is stored in (u32 without this).

    Converting a number that no member of an IntEnum has traps from then on.
    """

    def decorate(cls: E) -> E:
        cls.__width__ = int_type(kind)  # type: ignore[attr-defined]
        if not issubclass(cls, IntFlag):
            cls._missing_ = classmethod(_no_member)  # type: ignore[assignment]
        return cls

    return decorate


def _no_member(cls: type[Enum], value: object) -> None:
    raise Panic(TrapKind.ENUM, f"{value} is not a {cls.__name__}")


def enum_width(cls: type[Enum]) -> IntType:
    """The integer type that the members of `cls` are stored in."""
    return int_type(getattr(cls, "__width__", u32))


class BitField:
    """One field of a `@bits` class: bits `low` up to but not including `high`."""

    def __init__(self, low: int, high: int) -> None:
        self.low = low
        self.high = high
        self.name = ""
        self.annotation: Any = None
        self.owner: Any = None

    def kind(self) -> Any:
        """The declared type: bool, an integer type, a unit or an enumeration."""
        if isinstance(self.annotation, str):
            self.annotation = eval(self.annotation, vars(sys.modules[self.owner.__module__]))
        return self.annotation

    def encode(self, value: Any) -> int:
        """The field's bits for `value`, in place; traps when it does not fit."""
        number = int(value)
        if not 0 <= number < 1 << self.high - self.low:
            raise Panic(TrapKind.NARROWING, f"{self.name} = {number}")
        return number << self.low

    def __get__(self, instance: Any, owner: Any) -> Any:
        if instance is None:
            return self
        raw = instance.__raw__ >> self.low & (1 << self.high - self.low) - 1
        kind = self.kind()
        try:
            return kind(raw)
        except ValueError:
            raise Panic(TrapKind.ENUM, f"{self.name} = {raw}") from None


def bit(number: int) -> Any:
    """A one-bit field."""
    return BitField(number, number + 1)


def bits_field(low: int, high: int) -> Any:
    """A field of the bits from `low` up to but not including `high`."""
    return BitField(low, high)


class PackedValue:
    """What every `@bits` instance is on the host: immutable, equal by its integer."""

    __raw__: int
    __width__: IntType
    __fields__: dict[str, BitField]

    def __init__(self, **fields: Any) -> None:
        raw = 0
        for name, value in fields.items():
            raw |= type(self).__fields__[name].encode(value)
        object.__setattr__(self, "__raw__", raw)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("a @bits value is immutable: use replace(value, field=...)")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__raw__ == getattr(other, "__raw__", None)

    def __hash__(self) -> int:
        return hash(self.__raw__)

    def __repr__(self) -> str:
        fields = (f"{name}={getattr(self, name)!r}" for name in type(self).__fields__)
        return f"{type(self).__name__}({', '.join(fields)})"


def _make_bits(cls: Any, kind: Any) -> Any:
    fields = {name: value for name, value in vars(cls).items() if isinstance(value, BitField)}
    namespace = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    packed: Any = type(cls.__name__, (PackedValue,), namespace)
    packed.__width__ = int_type(kind)
    packed.__fields__ = fields
    for name, field in fields.items():
        if not 0 <= field.low < field.high <= packed.__width__.bits:
            raise TypeError(f"{cls.__name__}.{name} does not fit {packed.__width__}")
        field.name, field.owner, field.annotation = name, packed, cls.__annotations__[name]
    return packed


@overload
@dataclass_transform(kw_only_default=True, frozen_default=True)
def bits(low: type[int], /) -> Callable[[type[C]], type[C]]: ...  # type: ignore[overload-overlap]
@overload
@dataclass_transform(kw_only_default=True, frozen_default=True)
def bits(low: type[C], /) -> type[C]: ...  # type: ignore[overload-overlap]
@overload
@dataclass_transform(kw_only_default=True, frozen_default=True)
def bits(low: Callable[..., int], /) -> Callable[[type[C]], type[C]]: ...
@overload
def bits(low: int, high: int, /) -> Any: ...
def bits(low: Any, high: int | None = None, /) -> Any:
    """`@bits` or `@bits(u32)` on a class: packed fields of one integer. `bits(12, 52)`: such a field."""
    if high is not None:
        return bits_field(low, high)
    if isinstance(low, type) and not isinstance(low, IntType):
        return _make_bits(low, u64)
    return lambda cls: _make_bits(cls, low)


def to_raw(value: Any) -> int:
    """The integer behind a `@bits` value."""
    raw: int = value.__raw__
    return raw


def from_raw(cls: type[C], raw: int) -> C:
    """The `@bits` value of class `cls` whose integer is `raw`."""
    value: Any = object.__new__(cls)
    object.__setattr__(value, "__raw__", int_type(cls)(raw))
    made: C = value
    return made


def replace(value: C, **fields: Any) -> C:
    """A copy of a `@bits` value in which the named fields are different."""
    cls: Any = type(value)
    raw = to_raw(value)
    for name, new in fields.items():
        field: BitField = cls.__fields__[name]
        mask = (1 << field.high - field.low) - 1 << field.low
        raw = raw & ~mask | field.encode(new)
    made: C = from_raw(cls, raw)
    return made
