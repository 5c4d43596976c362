"""The functions of `codegen.lang` that the compiler itself knows."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codegen import lang, layout
from codegen.check import access, integers, memory, registers
from codegen.check.convert import coerce, common_type, describe, known_type, materialise, plain, retype
from codegen.check.values import HostValue, Value
from codegen.lang import TrapKind
from codegen.lang.structs import FieldReference
from codegen.resolve import host_type, is_struct
from codegen.tree import (
    Binary,
    BinaryOperator,
    Expression,
    Location,
    SliceLength,
    SymbolAddress,
    Text,
    TrapExpression,
)
from codegen.types import BYTES, NEVER, U64, BitsType, Int, SliceType, StructType, UserSliceType

if TYPE_CHECKING:
    from codegen.check.function import Checker


@dataclass(slots=True)
class Request:
    """One call of an intrinsic."""

    node: ast.expr
    where: Location
    arguments: list[Any]
    keywords: dict[str, Any]
    expected: Any

    def take(self, f: Checker, name: str, count: int) -> list[Any]:
        """The positional arguments, which must be `count`."""
        if self.keywords or len(self.arguments) != count:
            raise f.refuse(self.where, f"{name} takes {count} argument{'s' if count != 1 else ''}, by position")
        return self.arguments


Intrinsic = Callable[["Checker", Request], Value]


def value_of(f: Checker, argument: Any, expected: Any = None) -> Value:
    return f.expression(argument, expected) if isinstance(argument, ast.expr) else argument


def type_argument(f: Checker, argument: Any) -> Any:
    """A type given as an argument."""
    value = value_of(f, argument)
    try:
        if isinstance(value, HostValue):
            return host_type(value.object)
    except TypeError:
        pass
    raise f.refuse(value.location, f"{describe(value)} is not a type", "give a type: u32, a unit, a struct")


def constant_argument(f: Checker, argument: Any, kind: type, what: str) -> Any:
    value = value_of(f, argument)
    if isinstance(value, HostValue) and isinstance(value.object, kind):
        return value.object
    raise f.refuse(value.location, f"{what} is a constant")


def _length(f: Checker, request: Request) -> Value:
    from codegen.check import calls

    (argument,) = request.take(f, "len", 1)
    value = value_of(f, argument)
    if isinstance(value, HostValue) and isinstance(value.object, (bytes, tuple, str)):
        return HostValue(request.where, len(value.object))
    tree = materialise(f, value)
    if isinstance(tree.type, SliceType):
        return SliceLength(request.where, U64, tree)
    if isinstance(tree.type, StructType) and hasattr(tree.type.cls, "__len__"):
        method = access.attribute_of(f, request.node, tree, "__len__")
        return calls.invoke(f, request.node, method, [], [])
    hint = "write .length" if isinstance(tree.type, UserSliceType) else ""
    raise f.refuse(request.where, f"{tree.type} has no length", hint)


def _extreme(operator: BinaryOperator, fold: Callable[..., Any]) -> Intrinsic:
    def check(f: Checker, request: Request) -> Value:
        if request.keywords or len(request.arguments) < 2:
            raise f.refuse(request.where, f"{operator.value} takes two or more integers")
        result = value_of(f, request.arguments[0], request.expected)
        for argument in request.arguments[1:]:
            result = _extreme_of_two(f, request, operator, fold, result, value_of(f, argument, known_type(result)))
        return result

    return check


def _extreme_of_two(
    f: Checker, request: Request, operator: BinaryOperator, fold: Callable[..., Any], left: Value, right: Value
) -> Value:
    if isinstance(left, HostValue) and isinstance(right, HostValue):
        return HostValue(request.where, fold(left.object, right.object), left.type or right.type)
    type_ = common_type(f, left, right, None, request.where)
    number = plain(type_)
    if not isinstance(number, Int):
        raise f.refuse(request.where, f"{operator.value} of {type_}: only integers have an order")
    trees = [retype(coerce(f, side, type_), number) for side in (left, right)]
    return retype(Binary(request.where, number, operator, trees[0], trees[1]), type_)


def _to_raw(f: Checker, request: Request) -> Value:
    (argument,) = request.take(f, "to_raw", 1)
    value = value_of(f, argument)
    if isinstance(value, HostValue):
        return HostValue(request.where, lang.to_raw(value.object))
    tree = materialise(f, value)
    if not isinstance(tree.type, BitsType):
        raise f.refuse(request.where, f"{tree.type} is not a @bits value")
    return retype(tree, Int(tree.type.bits, False), request.where)


def _from_raw(f: Checker, request: Request) -> Value:
    kind, argument = request.take(f, "from_raw", 2)
    type_ = type_argument(f, kind)
    if not isinstance(type_, BitsType):
        raise f.refuse(request.where, f"{type_} is not a @bits class")
    raw_type = Int(type_.bits, False)
    value = value_of(f, argument, raw_type)
    if isinstance(value, HostValue):
        return HostValue(request.where, lang.from_raw(type_.cls, int(value.object)))
    return retype(coerce(f, value, raw_type), type_, request.where)


def _replace(f: Checker, request: Request) -> Value:
    from codegen.check.construct import build_bits

    if len(request.arguments) != 1:
        raise f.refuse(request.where, "replace takes a @bits value and fields by name")
    tree = materialise(f, value_of(f, request.arguments[0]))
    if not isinstance(tree.type, BitsType):
        raise f.refuse(request.where, f"{tree.type} is not a @bits value", "set the fields of a struct one by one")
    return build_bits(f, request.node, tree.type, tree, request.keywords)


def _measure(function: Callable[[Any], int]) -> Intrinsic:
    def check(f: Checker, request: Request) -> Value:
        (kind,) = request.take(f, function.__name__, 1)
        return HostValue(request.where, function(type_argument(f, kind)))

    return check


def _offset_of(f: Checker, request: Request) -> Value:
    kind, name = request.take(f, "offset_of", 2)
    type_ = type_argument(f, kind)
    field = constant_argument(f, name, str, "the field name")
    try:
        return HostValue(request.where, layout.offset_of(type_, field))
    except (KeyError, TypeError):
        raise f.refuse(request.where, f"{type_} has no field {field}") from None


def _field_offset(f: Checker, request: Request) -> Value:
    (argument,) = request.take(f, "field_offset", 1)
    value = value_of(f, argument)
    if not isinstance(value, HostValue) or not isinstance(value.object, FieldReference):
        raise f.refuse(value.location, "field_offset names a field by its class: Thread.run_link")
    return HostValue(request.where, layout.offset_of(value.object.owner, value.object.name))


def _symbol_address(f: Checker, request: Request) -> Value:
    (name,) = request.take(f, "symbol_address", 1)
    return SymbolAddress(request.where, U64, constant_argument(f, name, str, "the symbol's name"))


def trap(f: Checker, where: Location, kind: TrapKind, message: Any) -> TrapExpression:
    """A trap with an optional text, which must be a literal."""
    text: Expression | None = None
    if message is not None:
        value = value_of(f, message) if not isinstance(message, ast.JoinedStr) else None
        if not isinstance(value, HostValue) or not isinstance(value.object, (str, bytes)):
            location = f.at(message) if isinstance(message, ast.AST) else where
            hint = 'log what varies before: log(f"...")'
            raise f.refuse(location, "the text of a trap is a literal", hint)
        found = value.object
        data = found.encode() if isinstance(found, str) else found
        text = Text(value.location, BYTES, data)
    return TrapExpression(where, NEVER, kind, text)


def _panic(f: Checker, request: Request) -> Value:
    (message,) = request.take(f, "panic", 1)
    return trap(f, request.where, TrapKind.PANIC, message)


def _unreachable(f: Checker, request: Request) -> Value:
    request.take(f, "unreachable", 0)
    return trap(f, request.where, TrapKind.UNREACHABLE, None)


def _refused(message: str, hint: str) -> Intrinsic:
    def check(f: Checker, request: Request) -> Value:
        raise f.refuse(request.where, message, hint)

    return check


def _isinstance(f: Checker, request: Request) -> Value:

    assert isinstance(request.node, ast.Call)
    from codegen.check import membership

    test = membership.isinstance_test(f, request.node)
    return HostValue(request.where, test.value) if isinstance(test.value, bool) else test.value


def _bool(f: Checker, request: Request) -> Value:
    (argument,) = request.take(f, "bool", 1)
    value = value_of(f, argument)
    if isinstance(value, HostValue) and not is_struct(type(value.object)):
        return HostValue(request.where, bool(value.object))
    raise f.refuse(request.where, "bool(x) hides what is asked", "compare it: x != 0")


_TABLE: dict[Any, Intrinsic] = {
    builtins.len: _length,
    builtins.min: _extreme(BinaryOperator.MINIMUM, min),
    builtins.max: _extreme(BinaryOperator.MAXIMUM, max),
    builtins.isinstance: _isinstance,
    builtins.bool: _bool,
    lang.to_raw: _to_raw,
    lang.from_raw: _from_raw,
    lang.replace: _replace,
    lang.size_of: _measure(layout.size_of),
    lang.align_of: _measure(layout.align_of),
    lang.offset_of: _offset_of,
    lang.field_offset: _field_offset,
    lang.symbol_address: _symbol_address,
    lang.panic: _panic,
    lang.unreachable: _unreachable,
    lang.invoke_registers: registers.invoke_registers,
    lang.on_error: _refused("on_error stands in a with statement", "with on_error(f, a): ..."),
    lang.deferred: _refused("deferred stands in a with statement", "with deferred(f, a): ..."),
    lang.errno_of: _refused("errno_of stands in a raise", "raise errno_of(code)"),
    builtins.print: _refused("print cannot be compiled", 'write log(f"...")'),
    builtins.abs: _refused("abs cannot be compiled", "write x if x >= 0 else -x"),
    builtins.eval: _refused("eval cannot be compiled", "what runs at build time stands at module level"),
    builtins.exec: _refused("exec cannot be compiled", "what runs at build time stands at module level"),
    builtins.getattr: _refused("getattr cannot be compiled", "name the attribute"),
    builtins.setattr: _refused("setattr cannot be compiled", "name the attribute"),
    builtins.hasattr: _refused("hasattr cannot be compiled", "types are known: name the attribute"),
    builtins.super: _refused("super() cannot be compiled", "structs have no base but interfaces"),
    builtins.sum: _refused("sum cannot be compiled", "write a loop"),
    builtins.any: _refused("any cannot be compiled", "write a loop"),
    builtins.all: _refused("all cannot be compiled", "write a loop"),
    builtins.sorted: _refused("sorted cannot be compiled", "keep the data in order"),
    builtins.range: _refused("a range is only what a for goes over", "for i in range(n):"),
    builtins.enumerate: _refused("enumerate is only what a for goes over", "for i, x in enumerate(s):"),
    builtins.reversed: _refused("reversed is only what a for goes over", "for i in reversed(range(n)):"),
    **integers.TABLE,
    **memory.TABLE,
}


def handler_of(found: Any) -> Intrinsic | None:
    """What checks a call of this host object, when the compiler knows it."""
    try:
        return _TABLE.get(found)
    except TypeError:
        return None
