"""The fields of `@bits` values: shifts and masks, written nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codegen.check.convert import plain, retype
from codegen.lang import TrapKind
from codegen.lang.enums import BitField
from codegen.resolve import Annotations, field_annotations
from codegen.tree import (
    Binary,
    BinaryOperator,
    Compare,
    CompareOperator,
    Constant,
    Conversion,
    Convert,
    Expression,
    Location,
)
from codegen.types import BOOL, BoolType, EnumType, Int

if TYPE_CHECKING:
    from codegen.check.function import Checker


def field_type(cls: Any, name: str) -> Any:
    """The type of a field of a `@bits` class."""
    found = _bit_field_types.get((cls, name))
    if found is None:
        module, nodes = field_annotations(cls)
        found = Annotations(module, cls.__qualname__).type(nodes[name].annotation)
        _bit_field_types[cls, name] = found
    return found


_bit_field_types: dict[tuple[Any, str], Any] = {}


def read_field(f: Checker, where: Location, value: Expression, cls: Any, name: str) -> Expression:
    """Field `name` of a packed value."""
    field: BitField = cls.__fields__[name]
    type_ = field_type(cls, name)
    raw_type = Int(cls.__width__.bits, False)
    raw = retype(value, raw_type, where)
    if field.low:
        raw = Binary(where, raw_type, BinaryOperator.SHIFT_RIGHT, raw, Constant(where, raw_type, field.low))
    if isinstance(type_, BoolType):
        one = Constant(where, raw_type, 1)
        bit = Binary(where, raw_type, BinaryOperator.AND, raw, one)
        return Compare(where, BOOL, CompareOperator.NOT_EQUAL, bit, Constant(where, raw_type, 0))
    width = field.high - field.low
    if width < raw_type.bits:
        mask = Constant(where, raw_type, (1 << width) - 1)
        raw = Binary(where, raw_type, BinaryOperator.AND, raw, mask)
    target = plain(type_)
    if target.bits < raw_type.bits:
        raw = Convert(where, target, Conversion.TRUNCATE, raw)
    elif target.bits > raw_type.bits:
        raw = Convert(where, target, Conversion.WIDEN, raw)
    else:
        raw = retype(raw, target)
    if isinstance(type_, EnumType):
        return Convert(where, type_, Conversion.TO_ENUM, raw, TrapKind.ENUM)
    return retype(raw, type_, where)


def field_bits(f: Checker, where: Location, value: Expression, cls: Any, name: str) -> Expression:
    """The bits of a value for field `name`, in place; traps when it does not fit."""
    field: BitField = cls.__fields__[name]
    raw_type = Int(cls.__width__.bits, False)
    width = field.high - field.low
    bits: Expression
    if isinstance(value.type, BoolType):
        bits = Convert(where, raw_type, Conversion.WIDEN, value)
    else:
        bits = retype(value, plain(value.type), where)
        source: Any = bits.type
        if width < source.bits or source.signed:
            bits = Convert(where, Int(width, False), Conversion.NARROW, bits, TrapKind.NARROWING)
            source = bits.type
        if source.bits < raw_type.bits:
            bits = Convert(where, raw_type, Conversion.WIDEN, bits)
        else:
            bits = retype(bits, raw_type)
    if not field.low:
        return bits
    return Binary(where, raw_type, BinaryOperator.SHIFT_LEFT, bits, Constant(where, raw_type, field.low))
