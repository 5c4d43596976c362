"""Text: an f-string given to a `@text_sink` becomes calls of the sink's methods."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from codegen.check import access
from codegen.check.convert import coerce, materialise, plain, retype
from codegen.check.values import HostValue, Value
from codegen.lang import TrapKind
from codegen.lang.enums import PackedValue
from codegen.resolve import is_struct
from codegen.tree import Case, Conversion, Convert, Evaluate, Expression, Switch, Text
from codegen.types import BYTES, I64, U64, BitsType, BoolType, EnumType, Int, SliceType

if TYPE_CHECKING:
    from codegen.check.function import Checker


def call_sink(f: Checker, node: ast.expr, sink: Expression, arguments: list[Any]) -> Value:
    """`sink(f"...")`: begin, the pieces in order, end."""
    f.need_alone(node, "a text sink's call")
    if len(arguments) != 1 or not isinstance(arguments[0], (ast.JoinedStr, ast.Constant)):
        where = arguments[0] if arguments and isinstance(arguments[0], ast.AST) else node
        raise f.refuse(where, "a text sink takes one literal or f-string", 'write log(f"...")')
    message = arguments[0]
    parts = message.values if isinstance(message, ast.JoinedStr) else [message]
    sink = f.settled(sink, "sink")
    _feed(f, node, sink, "begin", [])
    for part in parts:
        if isinstance(part, ast.FormattedValue):
            _formatted(f, sink, part)
        else:
            assert isinstance(part, ast.Constant)
            _text(f, part, sink, part.value)
    return _call(f, node, sink, "end", [])


def _call(f: Checker, node: ast.expr, sink: Expression, method: str, arguments: list[Value]) -> Value:
    from codegen.check import calls

    return calls.invoke(f, node, access.attribute_of(f, node, sink, method), list(arguments), [])


def _feed(f: Checker, node: ast.expr, sink: Expression, method: str, arguments: list[Value]) -> None:
    f.emit(Evaluate(f.at(node), materialise(f, _call(f, node, sink, method, arguments))))


def _text(f: Checker, node: ast.expr, sink: Expression, text: object) -> None:
    data = text if isinstance(text, bytes) else str(text).encode()
    if data:
        _feed(f, node, sink, "text", [Text(f.at(node), BYTES, data)])


def _formatted(f: Checker, sink: Expression, part: ast.FormattedValue) -> None:
    style = "".join(str(item.value) for item in part.format_spec.values if isinstance(item, ast.Constant)) \
        if isinstance(part.format_spec, ast.JoinedStr) else ""  # fmt: skip
    if style not in ("", "x", "#x", "d") or part.conversion not in (-1, None):
        raise f.refuse(part.value, f"the format {style or '!'} is not known", "use {x}, {x:x} or {x:#x}")
    value = f.expression(part.value)
    if isinstance(value, HostValue) and not is_struct(type(value.object)):
        if _constant(f, sink, part, value, style):
            return
    tree = materialise(f, value)
    type_: Any = tree.type
    if isinstance(type_, SliceType) and type_.element == BYTES.element:
        _feed(f, part.value, sink, "text", [coerce(f, tree, BYTES)])
    elif isinstance(type_, BoolType):
        _choice(f, sink, part, tree, {1: "True", 0: "False"})
    elif isinstance(type_, EnumType) and not style:
        members = {int(member): member.name for member in type_.cls}
        _choice(f, sink, part, tree, members)
    elif isinstance(type_, BitsType):
        _number(f, sink, part, retype(tree, Int(type_.bits, False)), style or "#x")
    elif isinstance(plain(type_), Int):
        _number(f, sink, part, retype(tree, plain(type_)), style)
    else:
        raise f.refuse(part.value, f"{type_} cannot be shown", "show an integer, bool, enum or Slice[u8]")


def _constant(f: Checker, sink: Expression, part: ast.FormattedValue, value: HostValue, style: str) -> bool:
    found = value.object
    if isinstance(found, PackedValue):
        found = found.__raw__
    name = getattr(found, "name", None)
    if isinstance(found, (str, bytes)):
        _text(f, part.value, sink, found)
    elif isinstance(name, str) and not style:
        _text(f, part.value, sink, name)
    elif isinstance(found, int):
        _text(f, part.value, sink, format(found if isinstance(found, bool) and not style else int(found), style))
    else:
        return False
    return True


def _number(f: Checker, sink: Expression, part: ast.FormattedValue, tree: Expression, style: str) -> None:
    type_: Any = tree.type
    target = I64 if type_.signed else U64
    if type_ != target:
        tree = Convert(tree.location, target, Conversion.WIDEN, tree)
    if "x" not in style:
        _feed(f, part.value, sink, "signed" if type_.signed else "unsigned", [tree])
        return
    if type_.signed:
        tree = Convert(tree.location, U64, Conversion.NARROW, tree, TrapKind.NARROWING)
    if "#" in style:
        _text(f, part.value, sink, "0x")
    _feed(f, part.value, sink, "hexadecimal", [tree])


def _choice(f: Checker, sink: Expression, part: ast.FormattedValue, tree: Expression, names: dict[int, str]) -> None:
    """One of a few texts, by value; a value without one is shown as a number."""
    subject = f.settled(tree, "shown")
    cases = []
    for value, name in names.items():
        outer, f.out = f.out, []
        _text(f, part.value, sink, name)
        cases.append(Case((value,), f.out))
        f.out = outer
    outer, f.out = f.out, []
    if isinstance(tree.type, BoolType):
        cases, default = cases[:1], cases[1].body
    else:
        _number(f, sink, part, retype(subject, plain(tree.type)), "")
        default = f.out
    f.out = outer
    f.emit(Switch(f.at(part.value), subject, cases, default, TrapKind.MATCH))
