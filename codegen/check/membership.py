"""`isinstance` and `in`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from codegen.check import access, calls, expressions, operators
from codegen.check.convert import coerce, materialise
from codegen.check.values import Condition, HostValue, Value
from codegen.resolve import is_struct
from codegen.tree import (
    Binary,
    BinaryOperator,
    CompareOperator,
    Expression,
    IsInstance,
    Let,
    Local,
    Location,
    Logical,
    ReadLocal,
    Unary,
    UnaryOperator,
)
from codegen.types import BOOL, EnumType, InterfaceType, OptionalType, StructType

if TYPE_CHECKING:
    from codegen.check.function import Checker


def isinstance_test(f: Checker, node: ast.Call) -> Condition:
    subject, classes = f.expression(node.args[0]), f.expression(node.args[1])
    if not isinstance(classes, HostValue):
        raise f.refuse(node.args[1], "the class of an isinstance is a constant")
    if isinstance(subject, HostValue) and not is_struct(type(subject.object)):
        return Condition(isinstance(subject.object, classes.object), {}, {})
    tree = materialise(f, subject)
    options = classes.object if isinstance(classes.object, tuple) else (classes.object,)
    result: Expression | bool = False
    for cls in options:
        test = is_instance(f, node.args[1], tree, cls)
        if test is True or result is True:
            result = True
        elif test is not False:
            result = test if isinstance(result, bool) else Logical(f.at(node), BOOL, False, result, test)
    known = {}
    if len(options) == 1 and is_struct(options[0]):
        known = expressions.narrowed(f, node.args[0], StructType(options[0]))
    return Condition(result, known, {})


def is_instance(f: Checker, node: ast.AST, tree: Expression, cls: Any) -> Expression | bool:
    """Whether a reference is to a struct of class `cls`."""
    type_ = tree.type
    if isinstance(type_, StructType):
        return issubclass(type_.cls, cls)
    if not isinstance(type_, InterfaceType):
        hint = "test it for None first" if isinstance(type_, OptionalType) else ""
        raise f.refuse(tree.location, f"isinstance asks a reference to an interface, not {type_}", hint)
    if not is_struct(cls) or not issubclass(cls, type_.cls):
        name = getattr(cls, "__name__", str(cls))
        raise f.refuse(node, f"{name} is not a struct that implements {type_}")
    return IsInstance(f.at(node), BOOL, tree, f.program.vtable(StructType(cls)))


def contains(f: Checker, node: ast.Compare, left: Value, right: Value, *, negated: bool) -> Value:
    """`left in right`: of flags, of a tuple of constants, of a struct with `__contains__`."""
    where = f.at(node)
    if isinstance(left, HostValue) and isinstance(right, HostValue) and not is_struct(type(right.object)):
        return HostValue(where, (left.object in right.object) != negated)
    if isinstance(right, HostValue) and isinstance(right.object, (tuple, bytes, frozenset)):
        result = _one_of(f, where, left, [HostValue(where, item) for item in right.object])
    else:
        tree = materialise(f, right)
        if isinstance(tree.type, EnumType) and tree.type.is_flag:
            result = _flag_in(f, where, coerce(f, left, tree.type), tree)
        elif isinstance(tree.type, StructType) and hasattr(tree.type.cls, "__contains__"):
            method = access.attribute_of(f, node, tree, "__contains__")
            result = coerce(f, calls.invoke(f, node, method, [left], []), BOOL)
        else:
            raise f.refuse(node, f"`in` cannot search {tree.type}", "write a loop")
    return Unary(where, BOOL, UnaryOperator.NOT, result) if negated else result


def _one_of(f: Checker, where: Location, left: Value, items: list[HostValue]) -> Expression:
    tree = materialise(f, left)
    local = Local(".searched", tree.type)
    read = ReadLocal(where, tree.type, local)
    tests = [operators.comparison(f, where, CompareOperator.EQUAL, read, item) for item in items]
    result: Expression = coerce(f, HostValue(where, False), BOOL)
    for test in reversed(tests):
        result = test if test is tests[-1] else Logical(where, BOOL, False, test, result)
    return Let(where, BOOL, local, tree, result)


def _flag_in(f: Checker, where: Location, flag: Expression, value: Expression) -> Expression:
    local = Local(".flag", flag.type)
    read = ReadLocal(where, flag.type, local)
    both = Binary(where, value.type, BinaryOperator.AND, value, read)
    test = operators.comparison(f, where, CompareOperator.EQUAL, both, read)
    return Let(where, BOOL, local, flag, test)
