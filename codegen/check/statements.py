"""Statements: assignment, branches, return, assert; loops, `match` and failure have files of their own."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from codegen.check import assignment, expressions, failure, intrinsics, iterators, loops, matching
from codegen.check.convert import coerce, materialise
from codegen.check.values import Binding, GeneratorCall, HostValue
from codegen.lang import TrapKind
from codegen.resolve import MISSING
from codegen.tree import (
    Break,
    Evaluate,
    If,
    Return,
)
from codegen.types import (
    NeverType,
    VoidType,
)

if TYPE_CHECKING:
    from codegen.check.function import Checker


def check_statement(f: Checker, node: ast.stmt) -> None:
    handler = _HANDLERS.get(type(node))
    if handler is None:
        what, hint = _REFUSED.get(type(node), ("this statement", ""))
        raise f.refuse(node, f"{what} cannot be compiled", hint)
    handler(f, node)


def _expression(f: Checker, node: ast.Expr) -> None:
    if isinstance(node.value, ast.Yield):
        iterators.check_yield(f, node.value)
        return
    if isinstance(node.value, ast.Constant):
        if node.value.value is Ellipsis:
            raise f.refuse(node, "a body of `...` cannot be compiled", "only Interface methods and externals have it")
        return
    f.alone = node.value
    value = f.expression(node.value)
    if isinstance(value, HostValue):
        return
    if isinstance(value, GeneratorCall):
        raise f.refuse(node, "a function with yield does nothing by itself", "go over it with a for")
    tree = materialise(f, value)
    f.emit(Evaluate(f.at(node), tree))
    if isinstance(tree.type, NeverType):
        f.end_flow()


def _pass(f: Checker, node: ast.stmt) -> None:
    """`pass` does nothing."""


# Branches, return, assert ---------------------------------------------------------------------------


def _if(f: Checker, node: ast.If) -> None:
    test = expressions.condition(f, node.test)
    if isinstance(test.value, bool):
        f.state = {**f.state, **(test.when_true if test.value else test.when_false)}
        for statement in node.body if test.value else node.orelse:
            if f.live:
                check_statement(f, statement)
        return
    before = f.state
    f.state = {**before, **test.when_true}
    then = f.collect(node.body)
    end = (f.live, f.state)
    f.live, f.state = True, {**before, **test.when_false}
    otherwise = f.collect(node.orelse)
    f.emit(If(f.at(node), test.value, then, otherwise))
    f.branch_states(end, (f.live, f.state))


def _return(f: Checker, node: ast.Return) -> None:
    if f.frame.end_label is not None:
        if node.value is not None:
            raise f.refuse(node, "an iterator returns no value")
        f.emit(Break(f.at(node), f.frame.end_label))
        f.frame.loops[0].break_states.append(f.state)
        f.end_flow()
        return
    result = f.function.result
    if node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None):
        if isinstance(result, VoidType):
            f.emit(Return(f.at(node), None))
            f.end_flow()
            return
        if node.value is None:
            raise f.refuse(node, f"{result} is wanted", "return a value")
    value = f.expression(node.value, result)
    if isinstance(result, VoidType):
        tree = materialise(f, value)
        if not isinstance(tree.type, (VoidType, NeverType)):
            raise f.refuse(node.value, f"{tree.type} is returned by a function that returns None")
        f.emit(Evaluate(f.at(node), tree))
        if not isinstance(tree.type, NeverType):
            f.emit(Return(f.at(node), None))
        f.end_flow()
        return
    tree = coerce(f, value, result)
    assignment.check_escape(f, node.value, tree)
    if isinstance(tree.type, NeverType):
        f.emit(Evaluate(f.at(node), tree))
    else:
        f.emit(Return(f.at(node), tree))
    f.end_flow()


def _assert(f: Checker, node: ast.Assert) -> None:
    test = expressions.condition(f, node.test)
    trap = Evaluate(f.at(node), intrinsics.trap(f, f.at(node), TrapKind.ASSERTION, node.msg))
    if test.value is False:
        f.emit(trap)
        f.end_flow()
        return
    if test.value is not True:
        f.emit(If(f.at(node), test.value, [], [trap]))
    f.state = {**f.state, **test.when_true}


def _import(f: Checker, node: ast.ImportFrom) -> None:
    """An import inside a function, which breaks a cycle: its names are constants."""
    module = importlib.import_module(node.module or "")
    for alias in node.names:
        found = getattr(module, alias.name, MISSING)
        if found is MISSING:
            found = importlib.import_module(f"{node.module}.{alias.name}")
        value = expressions.wrap(f, ast.copy_location(ast.Name(alias.name, ast.Load()), alias), found)
        f.state[alias.asname or alias.name] = Binding(None, None, value)


def _compound(f: Checker, node: ast.stmt) -> None:
    """The statements that files of their own check."""
    match node:
        case ast.While():
            loops.check_while(f, node)
        case ast.For():
            loops.check_for(f, node)
        case ast.Break():
            loops.check_break(f, node)
        case ast.Continue():
            loops.check_continue(f, node)
        case ast.Match():
            matching.check_match(f, node)
        case ast.Raise():
            failure.check_raise(f, node)
        case ast.Try():
            failure.check_try(f, node)
        case ast.With():
            failure.check_with(f, node)


_REFUSED: dict[type[ast.stmt], tuple[str, str]] = {
    ast.Global: ("rebinding a global", "keep state in a module-level struct and set its fields"),
    ast.Nonlocal: ("nonlocal", "pass what is needed as an argument"),
    ast.FunctionDef: ("a function inside a function", "write it at module level"),
    ast.AsyncFunctionDef: ("async", "block on a wait queue"),
    ast.ClassDef: ("a class inside a function", "write it at module level"),
    ast.Delete: ("del", "give it back to its owner: heap.free(x)"),
    ast.AsyncFor: ("async", "block on a wait queue"),
    ast.AsyncWith: ("async", "block on a wait queue"),
    ast.Import: ("an import of a whole module inside a function", "write from ... import ..."),
}

_HANDLERS: dict[type[ast.stmt], Callable[[Checker, Any], None]] = {
    ast.Expr: _expression,
    ast.Pass: _pass,
    ast.Assign: assignment.assign,
    ast.AnnAssign: assignment.annotated,
    ast.AugAssign: assignment.augmented,
    ast.If: _if,
    ast.Return: _return,
    ast.Assert: _assert,
    ast.ImportFrom: _import,
    **dict.fromkeys((ast.While, ast.For, ast.Break, ast.Continue, ast.Match, ast.Raise, ast.Try, ast.With), _compound),
}
