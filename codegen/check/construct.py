"""Calling a type: `u32(x)`, `PhysAddr(x)`, `State(x)`, `Entry(present=True)`, `UserSlice(a, n)`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from codegen.check import packed
from codegen.check.convert import coerce, describe, materialise, plain, retype
from codegen.check.values import HostValue, Value
from codegen.lang import Panic, TrapKind, UserAddr
from codegen.resolve import host_type
from codegen.tree import Binary, BinaryOperator, Constant, Conversion, Convert, Expression, Location, MakeTuple
from codegen.types import (
    U64,
    USER_SLICE,
    BitsType,
    BoolType,
    EnumType,
    ErrorType,
    Int,
    StructType,
    UnitType,
    UserSliceType,
    integer_range,
)

if TYPE_CHECKING:
    from codegen.check.function import Checker


def construct_value(
    f: Checker, node: ast.expr, callee: HostValue, arguments: list[Any], keywords: list[tuple[str, Any]]
) -> Value:
    from codegen.check.calls import evaluate

    try:
        type_ = host_type(callee.object)
    except TypeError:
        hints = {int: "write u64(x), i32(x), ...", str: "there is no run-time text", list: "use an Array"}
        hints |= {dict: "use a tuple of constants and a loop, or an Array", set: "use flags, or an Array of bools"}
        raise f.refuse(node, f"{describe(callee)} cannot be called", hints.get(callee.object, "")) from None
    if isinstance(type_, BitsType):
        if arguments:
            raise f.refuse(node, f"{type_} is built by field names", f"or by from_raw({type_}, x)")
        return build_bits(f, node, type_, None, dict(keywords))
    if isinstance(type_, StructType):
        hint = f"local({type_}) makes one on the stack, heap.new({type_}) one of its owner"
        raise f.refuse(node, f"a {type_} cannot be made by calling it", hint)
    if keywords:
        raise f.refuse(node, f"{type_} takes no named arguments")
    if isinstance(type_, UserSliceType) and len(arguments) == 2:
        address_type = host_type(UserAddr)
        address = coerce(f, evaluate(f, arguments[0], address_type), address_type)
        length = coerce(f, evaluate(f, arguments[1], U64), U64)
        return MakeTuple(f.at(node), USER_SLICE, [retype(address, U64), length])
    if len(arguments) != 1:
        raise f.refuse(node, f"{type_} takes one value")
    return convert(f, f.at(node), type_, evaluate(f, arguments[0], _hint_type(type_)))


def _hint_type(type_: Any) -> Any:
    return plain(type_) if isinstance(type_, (Int, UnitType, EnumType)) else None


def convert(f: Checker, where: Location, type_: Any, value: Value) -> Value:
    """The explicit conversion `type(value)`."""
    if isinstance(type_, ErrorType):
        raise f.refuse(where, "an Errno is raised by its class", "raise ENOENT, or raise errno_of(code)")
    if not isinstance(type_, (Int, UnitType, EnumType)):
        hint = "compare it: x != 0" if isinstance(type_, BoolType) else ""
        raise f.refuse(where, f"{type_} cannot be called", hint)
    if isinstance(value, HostValue) and isinstance(value.object, int):
        return _convert_constant(f, where, type_, value)
    tree = materialise(f, value)
    source = plain(tree.type)
    if isinstance(source, BitsType):
        raise f.refuse(where, f"{source} is not an integer", "write to_raw(x)")
    if not isinstance(source, (Int, BoolType)):
        hint = "write address_of(x)" if isinstance(source, StructType) else ""
        raise f.refuse(where, f"{tree.type} cannot become {type_}", hint)
    number = convert_integer(where, plain(type_), retype(tree, source), _trap_of(type_))
    if isinstance(type_, EnumType) and not type_.is_flag:
        return Convert(where, type_, Conversion.TO_ENUM, number, TrapKind.ENUM)
    return retype(number, type_, where)


def _trap_of(type_: Any) -> TrapKind:
    return TrapKind.ENUM if isinstance(type_, EnumType) and not type_.is_flag else TrapKind.NARROWING


def convert_integer(where: Location, target: Int, value: Expression, trap: TrapKind) -> Expression:
    """An integer as another integer type; traps only if some value of the source does not fit."""
    if value.type == target:
        return value
    low, high = integer_range(target)
    source_low, source_high = integer_range(value.type)
    if low <= source_low and source_high <= high:
        return Convert(where, target, Conversion.WIDEN, value)
    return Convert(where, target, Conversion.NARROW, value, trap)


def _convert_constant(f: Checker, where: Location, type_: Any, value: HostValue) -> HostValue:
    number = int(value.object)
    if isinstance(type_, Int):
        low, high = integer_range(type_)
        if not low <= number <= high:
            raise f.refuse(where, f"{number} does not fit {type_}")
        return HostValue(where, number, type_)
    try:
        return HostValue(where, type_.cls(number))
    except (ValueError, Panic):
        what = "is not a member of" if isinstance(type_, EnumType) else "does not fit"
        raise f.refuse(where, f"{number} {what} {type_}") from None


def build_bits(f: Checker, node: ast.expr, type_: BitsType, base: Expression | None, fields: dict[str, Any]) -> Value:
    """A packed value from its fields, over zero or over `base`."""
    from codegen.check.calls import evaluate

    cls: Any = type_.cls
    where = f.at(node)
    values: dict[str, Value] = {}
    for name, argument in fields.items():
        if name not in cls.__fields__:
            message = f"{type_} has no field {name}"
            raise f.refuse(argument if isinstance(argument, ast.AST) else where, message)
        values[name] = evaluate(f, argument, packed.field_type(cls, name))
    known = 0
    parts: list[Expression] = []
    covered = 0
    for name, value in values.items():
        field = cls.__fields__[name]
        covered |= (1 << field.high) - (1 << field.low)
        tree = coerce(f, value, packed.field_type(cls, name))
        if isinstance(tree, Constant):
            if not 0 <= tree.value < 1 << field.high - field.low:
                raise f.refuse(value.location, f"{tree.value} does not fit the field {name}")
            known |= tree.value << field.low
        else:
            parts.append(packed.field_bits(f, where, tree, cls, name))
    if not parts and base is None:
        from codegen.lang import from_raw

        return HostValue(where, from_raw(cls, known))
    raw_type = Int(type_.bits, False)
    result: Expression = Constant(where, raw_type, known)
    if base is not None:
        mask = Constant(where, raw_type, (1 << type_.bits) - 1 & ~covered)
        kept = Binary(where, raw_type, BinaryOperator.AND, retype(base, raw_type), mask)
        result = Binary(where, raw_type, BinaryOperator.OR, kept, result) if known else kept
    for part in parts:
        if isinstance(result, Constant) and result.value == 0:
            result = part
        else:
            result = Binary(where, raw_type, BinaryOperator.OR, result, part)
    return retype(result, type_, where)
