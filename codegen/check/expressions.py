"""Expressions: names, constants, conditions with what they prove, and the way to the other kinds."""

from __future__ import annotations

import ast
import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from codegen.check import access, calls, membership, operators
from codegen.check.convert import coerce, common_type, known_type, materialise
from codegen.check.values import Binding, Condition, HostValue, State, Value
from codegen.resolve import MISSING, is_struct, look_up
from codegen.tree import (
    Compare,
    CompareOperator,
    Conditional,
    Constant,
    Expression,
    Let,
    Local,
    Logical,
    MakeTuple,
    ReadLocal,
    Unary,
    UnaryOperator,
)
from codegen.types import BOOL, BoolType, OptionalType, TupleType, Type

if TYPE_CHECKING:
    from codegen.check.function import Checker


def check_expression(f: Checker, node: ast.expr, expected: Type | None = None) -> Value:
    handler = _HANDLERS.get(type(node))
    if handler is None:
        what, hint = _REFUSED.get(type(node), ("this expression", ""))
        raise f.refuse(node, f"{what} cannot be compiled", hint)
    return handler(f, node, expected)


def typed(f: Checker, node: ast.expr, target: Any) -> Expression:
    """An expression converted to `target`."""
    return coerce(f, check_expression(f, node, target), target)


# Names and constants ----------------------------------------------------------------------------


def _constant(f: Checker, node: ast.Constant, expected: Type | None) -> Value:
    if isinstance(node.value, float):
        raise f.refuse(node, "there is no floating point", "use a scaled integer")
    if node.value is Ellipsis:
        raise f.refuse(node, "`...` is only the body of an Interface method or an external function")
    return HostValue(f.at(node), node.value)


def _name(f: Checker, node: ast.Name, expected: Type | None) -> Value:
    binding = f.state.get(node.id)
    if binding is not None:
        if binding.local is not None:
            assert binding.type is not None
            return ReadLocal(f.at(node), binding.type, binding.local)
        constant = binding.constant
        if isinstance(constant, HostValue):
            return HostValue(f.at(node), constant.object, constant.type)
        assert constant is not None
        return constant
    if node.id in f.frame.local_names:
        hint = "set it before, on every path, with one type"
        raise f.refuse(node, f"{node.id} may not be set here", hint)
    found = look_up(f.frame.source.module, node.id)
    if found is MISSING:
        raise f.refuse(node, f"the name {node.id} is not defined")
    return wrap(f, node, found)


def wrap(f: Checker, node: ast.expr, found: Any) -> HostValue:
    """A host object as a value; a TypeVar is the type that it stands for."""
    if isinstance(found, typing.TypeVar):
        found = f.frame.annotations.bindings.get(found, found)
    return HostValue(f.at(node), found)


# Conditions -------------------------------------------------------------------------------------


def condition(f: Checker, node: ast.expr) -> Condition:
    """Check a test of `if`, `while`, `assert`, `and`, `or`, `not`."""
    match node:
        case ast.BoolOp():
            return _bool_operator(f, node)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = condition(f, operand)
            if isinstance(inner.value, bool):
                return Condition(not inner.value, inner.when_false, inner.when_true)
            negated = Unary(f.at(node), BOOL, UnaryOperator.NOT, inner.value)
            return Condition(negated, inner.when_false, inner.when_true)
        case ast.Compare(ops=[ast.Is() | ast.IsNot()], comparators=[ast.Constant(value=None)]):
            return _none_test(f, node)
        case ast.Call(func=ast.Name(id="isinstance"), args=[_, _], keywords=[]):
            return membership.isinstance_test(f, node)
    value = f.expression(node, BOOL)
    if isinstance(value, HostValue) and not is_struct(type(value.object)):
        if not isinstance(value.object, bool):
            raise f.refuse(node, f"{type(value.object).__name__} is not a bool", "compare it: x != 0")
        return Condition(value.object, {}, {})
    tree = materialise(f, value)
    if isinstance(tree.type, OptionalType):
        return _truth_of_optional(f, node, tree)
    if not isinstance(tree.type, BoolType):
        hint = "ask `len(x) != 0`" if "Slice" in str(tree.type) else "compare it: x != 0"
        raise f.refuse(node, f"{tree.type} is not a bool", hint)
    return Condition(tree, {}, {})


def narrowed(f: Checker, node: ast.expr, type_: Type) -> State:
    """What is known when the value that `node` names is of `type_`."""
    if isinstance(node, ast.NamedExpr):
        node = node.target
    if isinstance(node, ast.Name):
        binding = f.state.get(node.id)
        if binding is not None and binding.local is not None:
            return {node.id: Binding(binding.local, type_)}
    return {}


def _none_test(f: Checker, node: ast.Compare) -> Condition:
    is_none = isinstance(node.ops[0], ast.Is)
    value = f.expression(node.left)
    if isinstance(value, HostValue):
        return Condition((value.object is None) == is_none, {}, {})
    tree = materialise(f, value)
    if not isinstance(tree.type, OptionalType):
        if hasattr(tree.type, "bits"):
            raise f.refuse(node.left, f"{tree.type} is never None")
        return Condition(not is_none, {}, {})
    operator = CompareOperator.EQUAL if is_none else CompareOperator.NOT_EQUAL
    test = Compare(f.at(node), BOOL, operator, tree, Constant(f.at(node), tree.type, 0))
    known = narrowed(f, node.left, tree.type.inner)
    return Condition(test, {} if is_none else known, known if is_none else {})


def _truth_of_optional(f: Checker, node: ast.expr, tree: Expression) -> Condition:
    assert isinstance(tree.type, OptionalType)
    cls = getattr(tree.type.inner, "cls", None)
    if hasattr(cls, "__len__") or hasattr(cls, "__bool__"):
        raise f.refuse(node, f"the truth of {tree.type} is its length", "write `is not None`, or ask its len()")
    test = Compare(f.at(node), BOOL, CompareOperator.NOT_EQUAL, tree, Constant(f.at(node), tree.type, 0))
    return Condition(test, narrowed(f, node, tree.type.inner), {})


def _bool_operator(f: Checker, node: ast.BoolOp) -> Condition:
    from codegen.check.function import widen

    is_and = isinstance(node.op, ast.And)
    result = condition(f, node.values[0])
    for operand in node.values[1:]:
        if isinstance(result.value, bool) and result.value != is_and:
            return result
        before = f.state
        passing = result.when_true if is_and else result.when_false
        entered = {**before, **passing}
        f.state = dict(entered)
        right = condition(f, operand)
        named = {name: found for name, found in f.state.items() if entered.get(name) is not found}
        f.state = widen(before, set(named))
        right = Condition(right.value, {**named, **right.when_true}, {**named, **right.when_false})
        result = _combine(f, node, is_and, result, right)
    return result


def _combine(f: Checker, node: ast.BoolOp, is_and: bool, left: Condition, right: Condition) -> Condition:
    both = {**(left.when_true if is_and else left.when_false), **(right.when_true if is_and else right.when_false)}
    value: Expression | bool
    if isinstance(left.value, bool):
        value = right.value
        if not isinstance(value, bool):
            return right
    elif isinstance(right.value, bool) and right.value == is_and:
        value = left.value
    else:
        other = right.value
        if isinstance(other, bool):
            other = Constant(f.at(node), BOOL, int(other))
        value = Logical(f.at(node), BOOL, is_and, left.value, other)
    return Condition(value, both, {}) if is_and else Condition(value, {}, both)


def _condition_value(f: Checker, node: ast.expr, expected: Type | None) -> Value:
    test = condition(f, node)
    if isinstance(test.value, bool):
        return HostValue(f.at(node), test.value)
    return test.value


# Other small expressions ------------------------------------------------------------------------


def _conditional(f: Checker, node: ast.IfExp, expected: Type | None) -> Value:
    test = condition(f, node.test)
    before = f.state
    if isinstance(test.value, bool):
        f.state = {**before, **(test.when_true if test.value else test.when_false)}
        value = f.expression(node.body if test.value else node.orelse, expected)
        f.state = before
        return value
    f.state = {**before, **test.when_true}
    then = f.expression(node.body, expected)
    f.state = {**before, **test.when_false}
    otherwise = f.expression(node.orelse, expected)
    f.state = before
    target = common_type(f, then, otherwise, None, f.at(node)) if expected is None else expected
    if expected is not None and hasattr(expected, "bits"):
        kinds = {known_type(then), known_type(otherwise)} - {None}
        if len(kinds) == 1:
            target = kinds.pop()
    return Conditional(f.at(node), target, test.value, coerce(f, then, target), coerce(f, otherwise, target))


def _tuple(f: Checker, node: ast.Tuple, expected: Type | None) -> Value:
    wanted: list[Any] = [None] * len(node.elts)
    if isinstance(expected, TupleType) and len(expected.elements) == len(node.elts):
        wanted = list(expected.elements)
    values = [f.expression(element, type_) for element, type_ in zip(node.elts, wanted, strict=True)]
    if all(isinstance(value, HostValue) for value in values) and not isinstance(expected, TupleType):
        return HostValue(f.at(node), tuple(value.object for value in values if isinstance(value, HostValue)))
    elements = [
        materialise(f, value) if type_ is None else coerce(f, value, type_)
        for value, type_ in zip(values, wanted, strict=True)
    ]
    return MakeTuple(f.at(node), TupleType(tuple(element.type for element in elements)), elements)


def _named(f: Checker, node: ast.NamedExpr, expected: Type | None) -> Value:
    value = materialise(f, f.expression(node.value, expected))
    name = node.target.id
    local = local_for(f, name, value.type)
    f.state[name] = Binding(local, value.type)
    stored = coerce(f, value, local.type)
    return Let(f.at(node), value.type, local, stored, ReadLocal(f.at(node), value.type, local))


def local_for(f: Checker, name: str, type_: Any) -> Local:
    """The local that an assignment of a `type_` to `name` goes to: the one it has, or a new one."""
    binding = f.state.get(name)
    if binding is not None and binding.local is not None:
        return binding.local
    local = f.frame.locals.get(name)
    if local is None or local.type != type_:
        local = f.frame.locals[name] = Local(name, type_)
    return local


def _formatted(f: Checker, node: ast.expr, expected: Type | None) -> Value:
    raise f.refuse(node, "an f-string is only the argument of a text sink", 'write log(f"...")')


_REFUSED: dict[type[ast.expr], tuple[str, str]] = {
    ast.Lambda: ("a lambda", "write a module-level function"),
    ast.ListComp: ("a comprehension", "write a loop; at module level it is fine"),
    ast.SetComp: ("a comprehension", "write a loop; at module level it is fine"),
    ast.DictComp: ("a comprehension", "write a loop; at module level it is fine"),
    ast.GeneratorExp: ("a comprehension", "write a loop; at module level it is fine"),
    ast.List: ("a list", "use an Array in a struct, or a tuple of constants"),
    ast.Dict: ("a dict", "use a tuple of constants and a loop, or an Array"),
    ast.Set: ("a set", "use an IntFlag, or a tuple of constants"),
    ast.Starred: ("unpacking with *", "name each argument"),
    ast.Await: ("await", "block on a wait queue"),
    ast.Yield: ("yield inside an expression", "let it be a statement of its own"),
    ast.YieldFrom: ("yield from", "write a for loop that yields"),
    ast.Slice: ("a slice here", "write s[a:b]"),
}


def _unary(f: Checker, node: ast.UnaryOp, expected: Type | None) -> Value:
    if isinstance(node.op, ast.Not):
        return _condition_value(f, node, expected)
    return operators.unary(f, node, expected)


def _compare(f: Checker, node: ast.Compare, expected: Type | None) -> Value:
    right = node.comparators[0]
    if isinstance(node.ops[0], (ast.Is, ast.IsNot)) and isinstance(right, ast.Constant) and right.value is None:
        return _condition_value(f, node, expected)
    return operators.compare(f, node)


def _binary(f: Checker, node: ast.BinOp, expected: Type | None) -> Value:
    return operators.binary(f, node, expected)


def _attribute(f: Checker, node: ast.Attribute, expected: Type | None) -> Value:
    return access.attribute(f, node)


def _subscript(f: Checker, node: ast.Subscript, expected: Type | None) -> Value:
    return access.subscript(f, node)


def _call(f: Checker, node: ast.Call, expected: Type | None) -> Value:
    return calls.call(f, node, expected)


Handler = Callable[["Checker", Any, "Type | None"], Value]

_HANDLERS: dict[type[ast.expr], Handler] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.BoolOp: _condition_value,
    ast.UnaryOp: _unary,
    ast.BinOp: _binary,
    ast.Compare: _compare,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.Call: _call,
    ast.IfExp: _conditional,
    ast.Tuple: _tuple,
    ast.NamedExpr: _named,
    ast.JoinedStr: _formatted,
}
