"""Arithmetic and comparison: widths, signs, units, and the trap of each operation."""

from __future__ import annotations

import ast
import enum
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from codegen.check import membership
from codegen.check.convert import coerce, describe, known_type, materialise, plain, retype
from codegen.check.values import HostValue, Value
from codegen.lang import TrapKind
from codegen.resolve import is_struct
from codegen.tree import (
    Binary,
    BinaryOperator,
    Compare,
    CompareOperator,
    Constant,
    Conversion,
    Convert,
    Expression,
    Let,
    Local,
    Location,
    Logical,
    ReadLocal,
    SliceEqual,
    Unary,
    UnaryOperator,
)
from codegen.types import (
    BOOL,
    U64,
    BitsType,
    BoolType,
    EnumType,
    ErrorType,
    Int,
    InterfaceType,
    OptionalType,
    SliceType,
    StructType,
    Type,
    UnitType,
    integer_range,
)

if TYPE_CHECKING:
    from codegen.check.function import Checker

_BINARY: dict[type[ast.operator], tuple[BinaryOperator, TrapKind | None, Callable[[Any, Any], Any]]] = {
    ast.Add: (BinaryOperator.ADD, TrapKind.OVERFLOW, operator.add),
    ast.Sub: (BinaryOperator.SUBTRACT, TrapKind.OVERFLOW, operator.sub),
    ast.Mult: (BinaryOperator.MULTIPLY, TrapKind.OVERFLOW, operator.mul),
    ast.FloorDiv: (BinaryOperator.FLOOR_DIVIDE, TrapKind.DIVISION, operator.floordiv),
    ast.Mod: (BinaryOperator.MODULO, TrapKind.DIVISION, operator.mod),
    ast.LShift: (BinaryOperator.SHIFT_LEFT, TrapKind.SHIFT, operator.lshift),
    ast.RShift: (BinaryOperator.SHIFT_RIGHT, TrapKind.SHIFT, operator.rshift),
    ast.BitAnd: (BinaryOperator.AND, None, operator.and_),
    ast.BitOr: (BinaryOperator.OR, None, operator.or_),
    ast.BitXor: (BinaryOperator.XOR, None, operator.xor),
}
_BITWISE = (BinaryOperator.AND, BinaryOperator.OR, BinaryOperator.XOR)
_SHIFTS = (BinaryOperator.SHIFT_LEFT, BinaryOperator.SHIFT_RIGHT)

_COMPARE: dict[type[ast.cmpop], tuple[CompareOperator, Callable[[Any, Any], bool]]] = {
    ast.Eq: (CompareOperator.EQUAL, operator.eq),
    ast.NotEq: (CompareOperator.NOT_EQUAL, operator.ne),
    ast.Lt: (CompareOperator.LESS, operator.lt),
    ast.LtE: (CompareOperator.LESS_EQUAL, operator.le),
    ast.Gt: (CompareOperator.GREATER, operator.gt),
    ast.GtE: (CompareOperator.GREATER_EQUAL, operator.ge),
    ast.Is: (CompareOperator.EQUAL, operator.is_),
    ast.IsNot: (CompareOperator.NOT_EQUAL, operator.is_not),
}


def binary(f: Checker, node: ast.BinOp, expected: Type | None) -> Value:
    wanted = plain(expected) if isinstance(expected, (Int, UnitType)) else expected
    left = f.expression(node.left, wanted)
    right = f.expression(node.right, None if isinstance(node.op, (ast.LShift, ast.RShift)) else wanted)
    return combine(f, node, node.op, left, right, wanted)


def combine(f: Checker, node: ast.AST, op: ast.operator, left: Value, right: Value, expected: Any) -> Value:
    """`left op right`; also what an augmented assignment stores."""
    if type(op) not in _BINARY:
        hint = "use // for integers" if isinstance(op, ast.Div) else "write a loop, or shift"
        raise f.refuse(node, f"the operator {_symbol(op)} has no integer meaning", hint)
    kind, trap, fold = _BINARY[type(op)]
    where = f.at(node)
    if isinstance(left, HostValue) and isinstance(right, HostValue):
        return _fold(f, where, fold, left, right)
    if kind in _BITWISE:
        both = _flag_or_bool_type(left, right)
        if both is not None:
            return Binary(where, both, kind, coerce(f, left, both), coerce(f, right, both))
    if kind in _SHIFTS:
        return _shift(f, where, kind, left, right, expected)
    _same_unit(f, where, left, right, f"{_symbol(op)} of")
    type_ = arithmetic_type(f, where, left, right)
    return Binary(where, type_, kind, _as_plain(f, left, type_), _as_plain(f, right, type_), trap)


def _symbol(op: ast.operator) -> str:
    return {ast.Div: "/", ast.Pow: "**", ast.MatMult: "@"}.get(type(op)) or _BINARY[type(op)][0].value


def _fold(f: Checker, where: Location, fold: Callable[[Any, Any], Any], left: HostValue, right: HostValue) -> Value:
    try:
        result = fold(left.object, right.object)
    except ZeroDivisionError:
        raise f.refuse(where, "division by zero") from None
    except (TypeError, ValueError) as error:
        raise f.refuse(where, f"this constant cannot be computed: {error}") from None
    type_: Type | None = None
    if isinstance(left.type, Int) and isinstance(right.type, Int):
        type_ = arithmetic_type(f, where, left, right)
    elif type(result) is int:
        type_ = left.type or right.type
    if isinstance(type_, Int):
        low, high = integer_range(type_)
        if not low <= result <= high:
            raise f.refuse(where, f"{result} overflows {type_}")
    return HostValue(where, result, type_)


def _flag_or_bool_type(left: Value, right: Value) -> Any:
    first, second = known_type(left), known_type(right)
    if first == second and (isinstance(first, BoolType) or (isinstance(first, EnumType) and first.is_flag)):
        return first
    return None


def _same_unit(f: Checker, where: Location, left: Value, right: Value, what: str) -> None:
    first, second = known_type(left), known_type(right)
    if isinstance(first, UnitType) and isinstance(second, UnitType) and first != second:
        hint = "convert one to a plain integer: u64(x)"
        raise f.refuse(where, f"{what} two units, {first} and {second}", hint)


def arithmetic_type(f: Checker, where: Location, left: Value, right: Value) -> Int:
    """The plain integer type that both operands widen to."""
    types = []
    for side in (left, right):
        type_ = plain(known_type(side))
        if type_ is None and isinstance(side, HostValue) and isinstance(side.object, int):
            continue
        if type_ is None:
            type_ = plain(materialise(f, side).type)
        if not isinstance(type_, Int):
            hint = ""
            if isinstance(type_, BoolType):
                hint = "convert it: u32(x)"
            elif isinstance(type_, BitsType):
                hint = "use its fields, replace(), or to_raw()"
            elif isinstance(type_, OptionalType):
                hint = "test it for None first"
            raise f.refuse(side.location, f"{describe(side)} is not an integer", hint)
        types.append(type_)
    if not types:
        return U64
    if len(types) == 1:
        return types[0]
    first, second = types
    if first.signed != second.signed:
        unsigned = left if not first.signed else right
        raise f.refuse(
            where,
            f"{known_type(left)} and {known_type(right)} differ in sign",
            f"convert one on purpose: i64({_text(f, unsigned.location)})",
        )
    return first if first.bits >= second.bits else second


def _text(f: Checker, where: Location) -> str:
    from codegen.diagnostics import Diagnostic

    text = Diagnostic(where, "").target
    return text if where.line == where.end_line and len(text) < 30 else "x"


def _as_plain(f: Checker, value: Value, type_: Int) -> Expression:
    if isinstance(value, HostValue) and isinstance(value.object, int) and not isinstance(value.object, bool):
        value = HostValue(value.location, int(value.object), value.type)
    return coerce(f, value, type_)


def _shift(f: Checker, where: Location, kind: BinaryOperator, left: Value, right: Value, expected: Any) -> Value:
    type_ = plain(known_type(left))
    if type_ is None:
        type_ = expected if isinstance(expected, Int) else U64
    if not isinstance(type_, Int):
        raise f.refuse(left.location, f"{describe(left)} is not an integer")
    value = _as_plain(f, left, type_)
    if isinstance(right, HostValue):
        count = right.object
        if not isinstance(count, int) or not 0 <= count < type_.bits:
            message = f"a shift of {type_} by {count}: the count must be from 0 to {type_.bits - 1}"
            raise f.refuse(right.location, message)
        return Binary(where, type_, kind, value, Constant(right.location, type_, count), _shift_trap(kind))
    amount = materialise(f, right)
    amount_type = plain(amount.type)
    if not isinstance(amount_type, Int):
        raise f.refuse(right.location, f"{describe(right)} is not an integer")
    amount = retype(amount, amount_type)
    if amount_type.signed:
        unsigned = Int(amount_type.bits, False)
        amount = Convert(amount.location, unsigned, Conversion.NARROW, amount, TrapKind.SHIFT)
    return Binary(where, type_, kind, value, amount, TrapKind.SHIFT)


def _shift_trap(kind: BinaryOperator) -> TrapKind | None:
    return TrapKind.SHIFT if kind is BinaryOperator.SHIFT_LEFT else None


def unary(f: Checker, node: ast.UnaryOp, expected: Type | None) -> Value:
    value = f.expression(node.operand, expected)
    where = f.at(node)
    if isinstance(value, HostValue):
        folds: dict[type[ast.unaryop], Callable[[Any], Any]] = {
            ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Invert: operator.invert,
        }  # fmt: skip
        try:
            return HostValue(where, folds[type(node.op)](value.object), value.type)
        except TypeError as error:
            raise f.refuse(where, f"this constant cannot be computed: {error}") from None
    tree = materialise(f, value)
    if isinstance(node.op, ast.Invert) and isinstance(tree.type, EnumType) and tree.type.is_flag:
        known = Constant(where, tree.type, _all_flags(tree.type.cls))
        return Binary(where, tree.type, BinaryOperator.XOR, tree, known)
    type_ = plain(tree.type)
    if not isinstance(type_, Int):
        raise f.refuse(node, f"{tree.type} is not an integer")
    tree = retype(tree, type_)
    if isinstance(node.op, ast.UAdd):
        return tree
    if not type_.signed:
        if isinstance(node.op, ast.Invert):
            hint = f"write invert({type_}, x): CPython's ~ gives a negative number"
            raise f.refuse(node, f"~ of the unsigned {type_}", hint)
        raise f.refuse(node, f"the unsigned {type_} has no negative", "convert on purpose: -i64(x)")
    if isinstance(node.op, ast.Invert):
        return Unary(where, type_, UnaryOperator.COMPLEMENT, tree)
    return Unary(where, type_, UnaryOperator.NEGATE, tree, TrapKind.OVERFLOW)


def _all_flags(cls: type[enum.IntFlag]) -> int:
    """The bits up to the highest that any member has: what ~ of an IntFlag complements within."""
    highest = max((int(member) for member in cls), default=0)
    return (1 << highest.bit_length()) - 1


# Comparison -------------------------------------------------------------------------------------


def compare(f: Checker, node: ast.Compare) -> Value:
    if len(node.ops) == 1:
        left = f.expression(node.left, None)
        return _comparison(f, node, node.ops[0], left, f.expression(node.comparators[0], known_type(left)))
    return _chain(f, node)


def _chain(f: Checker, node: ast.Compare) -> Value:
    """`a < b < c`: each operand is evaluated once, and the later ones only as far as needed."""
    values = [f.expression(operand) for operand in (node.left, *node.comparators)]
    lets: list[tuple[Local, Expression]] = []
    for index in range(1, len(values) - 1):
        value = values[index]
        if not isinstance(value, (HostValue, ReadLocal)):
            tree = materialise(f, value)
            local = Local(".middle", tree.type)
            lets.append((local, tree))
            values[index] = ReadLocal(tree.location, tree.type, local)
    pairs = zip(node.ops, values, values[1:], strict=False)
    tests = [_comparison(f, node, op, left, right) for op, left, right in pairs]
    result: Expression = coerce(f, tests[-1], BOOL)
    where = f.at(node)
    for index in range(len(tests) - 2, -1, -1):
        result = Logical(where, BOOL, True, coerce(f, tests[index], BOOL), result)
    for local, tree in reversed(lets):
        result = Let(where, BOOL, local, tree, result)
    return result


def _comparison(f: Checker, node: ast.Compare, op: ast.cmpop, left: Value, right: Value) -> Value:
    where = f.at(node)
    if isinstance(op, (ast.In, ast.NotIn)):
        return membership.contains(f, node, left, right, negated=isinstance(op, ast.NotIn))
    kind, fold = _COMPARE[type(op)]
    if isinstance(left, HostValue) and isinstance(right, HostValue):
        if not (is_struct(type(left.object)) or is_struct(type(right.object))):
            return HostValue(where, _fold_comparison(f, where, fold, left.object, right.object))
    return comparison(f, where, kind, left, right, identity=isinstance(op, (ast.Is, ast.IsNot)))


def _fold_comparison(f: Checker, where: Location, fold: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    from codegen.resolve import host_type
    from codegen.types import Type as TypeUnion

    if isinstance(left, TypeUnion) != isinstance(right, TypeUnion):
        left, right = host_type(left), host_type(right)
    if isinstance(left, TypeUnion) and fold in (operator.is_, operator.is_not):
        fold = operator.eq if fold is operator.is_ else operator.ne
    try:
        return bool(fold(left, right))
    except TypeError as error:
        raise f.refuse(where, f"these constants cannot be compared: {error}") from None


def comparison(
    f: Checker, where: Location, kind: CompareOperator, left: Value, right: Value, *, identity: bool = False
) -> Expression:
    """One comparison of two values, at least one of them known only at run time."""
    first, second = known_type(left), known_type(right)
    either = first or second
    references = (StructType, InterfaceType, OptionalType)
    if isinstance(first, references) or isinstance(second, references):
        return _identity(f, where, kind, left, right, identity)
    if isinstance(either, SliceType):
        return _slices(f, where, kind, left, right)
    if identity and not isinstance(first, EnumType):
        raise f.refuse(where, "`is` compares references", "use == for values")
    if isinstance(first, (EnumType, BitsType, BoolType, ErrorType)) and (first == second or second is None):
        if isinstance(first, EnumType) and second is None:
            first = plain(first)
        elif isinstance(first, BitsType) and kind not in (CompareOperator.EQUAL, CompareOperator.NOT_EQUAL):
            raise f.refuse(where, f"{first} has no order", "compare a field of it")
        return Compare(where, BOOL, kind, coerce(f, left, first), coerce(f, right, first))
    _same_unit(f, where, left, right, "comparison of")
    type_ = arithmetic_type(f, where, left, right)
    return Compare(where, BOOL, kind, _as_plain(f, left, type_), _as_plain(f, right, type_))


def _identity(
    f: Checker, where: Location, kind: CompareOperator, left: Value, right: Value, identity: bool
) -> Expression:
    if not identity:
        raise f.refuse(where, f"{describe(left)} has no ==: it has an identity", "use `is`, or compare fields")
    trees = []
    for side in (left, right):
        if isinstance(side, HostValue) and side.object is None:
            other = known_type(right if side is left else left)
            type_ = other if isinstance(other, OptionalType) else OptionalType(other)
            trees.append(coerce(f, side, type_))
        else:
            trees.append(materialise(f, side))
    a, b = _pointee(trees[0].type), _pointee(trees[1].type)
    related = a == b or isinstance(a, InterfaceType) or isinstance(b, InterfaceType)
    if not related or not (isinstance(a, (StructType, InterfaceType)) or a == b):
        raise f.refuse(where, f"{trees[0].type} is never {trees[1].type}")
    target = OptionalType(a)
    return Compare(where, BOOL, kind, retype(trees[0], target), retype(trees[1], target))


def _pointee(type_: Any) -> Any:
    return type_.inner if isinstance(type_, OptionalType) else type_


def _slices(f: Checker, where: Location, kind: CompareOperator, left: Value, right: Value) -> Expression:
    from codegen.types import BYTES

    trees = [materialise(f, left), materialise(f, right)]
    for tree in trees:
        if not isinstance(tree.type, SliceType) or tree.type.element != BYTES.element:
            raise f.refuse(tree.location, f"{tree.type} cannot be compared", "only slices of u8 compare by contents")
    equal = SliceEqual(where, BOOL, coerce(f, trees[0], BYTES), coerce(f, trees[1], BYTES))
    if kind is CompareOperator.EQUAL:
        return equal
    if kind is CompareOperator.NOT_EQUAL:
        return Unary(where, BOOL, UnaryOperator.NOT, equal)
    raise f.refuse(where, "slices have no order", "compare them byte by byte")
