"""Intrinsics on integers: truncation, wrapping arithmetic, counting bits, alignment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codegen import lang
from codegen.check.convert import coerce, materialise, plain, retype
from codegen.check.values import HostValue, Value
from codegen.lang import TrapKind
from codegen.tree import (
    Binary,
    BinaryOperator,
    Constant,
    Conversion,
    Convert,
    Expression,
    Let,
    Local,
    Location,
    ReadLocal,
    Unary,
    UnaryOperator,
)
from codegen.types import U32, BoolType, EnumType, Int, UnitType, integer_range

if TYPE_CHECKING:
    from codegen.check.function import Checker
    from codegen.check.intrinsics import Request


def _parts(f: Checker, request: Request, name: str, count: int) -> tuple[Any, list[Value]]:
    """The type that an intrinsic is told, and its values."""
    from codegen.check.intrinsics import type_argument, value_of

    kind, *rest = request.take(f, name, count + 1)
    type_ = type_argument(f, kind)
    if not isinstance(type_, (Int, UnitType, EnumType)):
        raise f.refuse(request.where, f"{name} gives an integer, not {type_}")
    return type_, [value_of(f, argument, plain(type_)) for argument in rest]


def _cut(f: Checker, where: Location, value: Value, target: Int) -> Expression:
    """The low bits of any integer as `target`."""
    if isinstance(value, HostValue) and isinstance(value.object, int):
        low, _ = integer_range(target)
        number = value.object & ((1 << target.bits) - 1)
        if low and number >> (target.bits - 1):
            number -= 1 << target.bits
        return Constant(where, target, number)
    tree = materialise(f, value)
    source = plain(tree.type)
    if not isinstance(source, (Int, BoolType)):
        raise f.refuse(value.location, f"{tree.type} is not an integer")
    tree = retype(tree, source)
    return tree if source == target else Convert(where, target, Conversion.TRUNCATE, tree)


def _result(where: Location, tree: Expression, type_: Any) -> Value:
    if isinstance(tree, Constant) and isinstance(type_, Int):
        return HostValue(where, tree.value, type_)
    if isinstance(type_, EnumType) and not type_.is_flag:
        return Convert(where, type_, Conversion.TO_ENUM, tree, TrapKind.ENUM)
    return retype(tree, type_, where)


def _truncate(f: Checker, request: Request) -> Value:
    type_, (value,) = _parts(f, request, "truncate", 1)
    return _result(request.where, _cut(f, request.where, value, plain(type_)), type_)


def _wrapping(name: str, operator: BinaryOperator) -> Any:
    def check(f: Checker, request: Request) -> Value:
        type_, values = _parts(f, request, name, 2)
        target = plain(type_)
        left, right = (_cut(f, request.where, value, target) for value in values)
        return _result(request.where, Binary(request.where, target, operator, left, right), type_)

    return check


def _wrapping_shift(f: Checker, request: Request) -> Value:
    type_, (value, count) = _parts(f, request, "wrapping_shl", 2)
    target = plain(type_)
    left = _cut(f, request.where, value, target)
    if isinstance(count, HostValue):
        if not 0 <= count.object < target.bits:
            raise f.refuse(count.location, f"the count must be from 0 to {target.bits - 1}")
        amount: Expression = Constant(count.location, U32, count.object)
    else:
        amount = materialise(f, count)
        amount = retype(amount, plain(amount.type))
        narrow = Int(target.bits.bit_length() - 1, False)
        amount = Convert(amount.location, narrow, Conversion.NARROW, amount, TrapKind.SHIFT)
    shifted = Binary(request.where, target, BinaryOperator.SHIFT_LEFT, left, amount)
    return _result(request.where, shifted, type_)


def _saturating(f: Checker, request: Request) -> Value:
    type_, values = _parts(f, request, "saturating_sub", 2)
    target = plain(type_)
    left, right = (coerce(f, value, target) for value in values)
    difference = Binary(request.where, target, BinaryOperator.SATURATING_SUBTRACT, left, right)
    return _result(request.where, difference, type_)


def _invert(f: Checker, request: Request) -> Value:
    type_, (value,) = _parts(f, request, "invert", 1)
    target = plain(type_)
    if isinstance(value, HostValue) and isinstance(value.object, int):
        value = HostValue(value.location, ~value.object)
        return _result(request.where, _cut(f, request.where, value, target), type_)
    tree = _cut(f, request.where, value, target)
    return _result(request.where, Unary(request.where, target, UnaryOperator.COMPLEMENT, tree), type_)


def _counting(name: str, operator: UnaryOperator) -> Any:
    def check(f: Checker, request: Request) -> Value:
        type_, (value,) = _parts(f, request, name, 1)
        if isinstance(value, HostValue):
            function = getattr(lang, name)
            return HostValue(request.where, function(_Width(type_), value.object), U32)
        target = Int(type_.bits, False)
        tree = coerce(f, value, plain(type_))
        if plain(type_).signed:
            tree = Convert(request.where, target, Conversion.TRUNCATE, tree)
        count = Unary(request.where, target, operator, tree)
        if target == U32:
            return count
        kind = Conversion.TRUNCATE if target.bits > 32 else Conversion.WIDEN
        return Convert(request.where, U32, kind, count)

    return check


def _Width(type_: Any) -> Any:  # noqa: N802 - stands for the host class of that name
    return getattr(lang, str(plain(type_)))


def _align(name: str, up: bool) -> Any:
    def check(f: Checker, request: Request) -> Value:
        from codegen.check.intrinsics import value_of

        subject, boundary = request.take(f, name, 2)
        value, step = value_of(f, subject, request.expected), value_of(f, boundary)
        if isinstance(step, HostValue) and (step.object <= 0 or step.object & (step.object - 1)):
            raise f.refuse(step.location, f"{step.object} is not a power of two")
        if isinstance(value, HostValue) and isinstance(step, HostValue):
            return HostValue(request.where, getattr(lang, name)(value.object, step.object), value.type)
        tree = materialise(f, value)
        type_, number = tree.type, plain(tree.type)
        if not isinstance(number, Int) or number.signed:
            raise f.refuse(request.where, f"{name} takes an unsigned integer, not {type_}")
        tree = retype(tree, number)
        if isinstance(step, HostValue):
            width = Constant(step.location, number, step.object)
            return retype(_aligned(request.where, number, tree, width, up), type_, request.where)
        local = Local(".boundary", number)
        read = ReadLocal(request.where, number, local)
        body = _aligned(request.where, number, tree, read, up)
        return retype(Let(request.where, number, local, coerce(f, step, number), body), type_)

    return check


def _aligned(where: Location, type_: Int, tree: Expression, step: Expression, up: bool) -> Expression:
    if isinstance(step, Constant):
        mask: Expression = Constant(where, type_, (1 << type_.bits) - step.value)
        rest: Expression = Constant(where, type_, step.value - 1)
    else:
        mask = Binary(where, type_, BinaryOperator.SUBTRACT, Constant(where, type_, 0), step)
        rest = Binary(where, type_, BinaryOperator.SUBTRACT, step, Constant(where, type_, 1))
    if up:
        tree = Binary(where, type_, BinaryOperator.ADD, tree, rest, TrapKind.OVERFLOW)
    return Binary(where, type_, BinaryOperator.AND, tree, mask)


TABLE: dict[Any, Any] = {
    lang.truncate: _truncate,
    lang.wrapping_add: _wrapping("wrapping_add", BinaryOperator.ADD),
    lang.wrapping_sub: _wrapping("wrapping_sub", BinaryOperator.SUBTRACT),
    lang.wrapping_mul: _wrapping("wrapping_mul", BinaryOperator.MULTIPLY),
    lang.wrapping_shl: _wrapping_shift,
    lang.saturating_sub: _saturating,
    lang.invert: _invert,
    lang.count_trailing_zeros: _counting("count_trailing_zeros", UnaryOperator.COUNT_TRAILING_ZEROS),
    lang.count_leading_zeros: _counting("count_leading_zeros", UnaryOperator.COUNT_LEADING_ZEROS),
    lang.population_count: _counting("population_count", UnaryOperator.POPULATION_COUNT),
    lang.align_down: _align("align_down", up=False),
    lang.align_up: _align("align_up", up=True),
}
