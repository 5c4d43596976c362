"""Failure: raise, try, with, on_error and deferred."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from codegen import lang
from codegen.check import access, calls
from codegen.check.convert import describe, materialise, retype
from codegen.check.errors import ANY, Caught
from codegen.check.values import Binding, HostValue, State, Value
from codegen.resolve import is_struct
from codegen.tree import (
    Call,
    CallInterface,
    CallValue,
    Cleanup,
    Conditional,
    Constant,
    Evaluate,
    Expression,
    Handler,
    Local,
    Raise,
    ReadLocal,
    Statement,
    Try,
)
from codegen.types import ERROR, I32, ErrorType, StructType

if TYPE_CHECKING:
    from codegen.check.function import Checker


def check_raise(f: Checker, node: ast.Raise) -> None:
    error, source = _raised(f, node)
    calls.add_site(f, f.at(node), source)
    f.emit(Raise(f.at(node), error))
    f.end_flow()


def _raised(f: Checker, node: ast.Raise) -> tuple[Expression, Any]:
    where = f.at(node)
    if node.exc is None:
        if not f.frame.caught:
            raise f.refuse(node, "a bare raise stands in an except")
        local, caught = f.frame.caught[-1]
        return ReadLocal(where, ERROR, local), caught
    raised = node.exc
    if isinstance(raised, ast.Call):
        callee = f.expression(raised.func)
        if isinstance(callee, HostValue) and callee.object is lang.errno_of:
            code = calls.evaluate(f, raised.args[0], I32)
            from codegen.check.convert import coerce

            return retype(coerce(f, code, I32), ERROR, where), ANY
        if isinstance(callee, HostValue) and is_errno(callee.object) and not raised.args:
            return _errno(f, raised, callee)
        value: Value = callee if isinstance(callee, HostValue) else f.expression(raised)
    else:
        value = f.expression(raised)
    if isinstance(value, HostValue):
        return _errno(f, raised, value)
    tree = materialise(f, value)
    if not isinstance(tree.type, ErrorType):
        raise f.refuse(raised, f"{tree.type} cannot be raised", "raise an Errno: raise ENOENT")
    return tree, _codes_of(f, tree)


def _codes_of(f: Checker, tree: Expression) -> Any:
    """The errors that an expression may be."""
    if isinstance(tree, ReadLocal):
        return f.error_sources.get(tree.local, ANY)
    if isinstance(tree, Conditional) and isinstance(tree.then, Constant) and isinstance(tree.otherwise, Constant):
        return frozenset({tree.then.value, tree.otherwise.value})
    return ANY


def is_errno(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, lang.Errno)


def _errno(f: Checker, node: ast.expr, value: HostValue) -> tuple[Expression, Any]:
    if not is_errno(value.object) or value.object is lang.Errno:
        raise f.refuse(node, f"{describe(value)} cannot be raised", "raise an Errno: raise ENOENT")
    code = value.object.code
    return Constant(value.location, ERROR, code), frozenset({code})


def check_try(f: Checker, node: ast.Try) -> None:
    if not node.finalbody:
        _try(f, node)
        return
    from codegen.check.function import assigned_names, widen

    before = widen(f.state, assigned_names([*node.body, *node.orelse, *(s for h in node.handlers for s in h.body)]))
    outer, f.out = f.out, []
    _try(f, node)
    body, f.out = f.out, outer
    live, after = f.live, f.state
    f.live, f.state = True, before
    cleanup = f.collect(node.finalbody)
    f.emit(Cleanup(f.at(node), body, cleanup, on_failure_only=False))
    assigned = {name: found for name, found in f.state.items() if before.get(name) != found}
    f.live = live and f.live
    f.state = {**after, **assigned}


def _try(f: Checker, node: ast.Try) -> None:
    """The part of a `try` without its `finally`."""
    from codegen.check.function import assigned_names, widen

    if not node.handlers:
        f.out.extend(f.collect([*node.body, *node.orelse]))
        return
    codes = [_codes(f, handler) for handler in node.handlers]
    everything = frozenset().union(*(found for found in codes if found is not None))
    before = widen(f.state, assigned_names(node.body))
    first_site = len(f.sites)
    f.catching.append(None if None in codes else everything)
    body = f.collect(node.body)
    f.catching.pop()
    inner = f.sites[first_site:]
    otherwise = f.collect(node.orelse) if f.live else []
    ends: list[tuple[bool, State]] = [(f.live, f.state)]
    handlers = []
    for handler, found in zip(node.handlers, codes, strict=True):
        f.live, f.state = True, dict(before)
        handlers.append(_handler(f, handler, found, Caught(_inside(inner, len(f.catching)), found)))
        ends.append((f.live, f.state))
    f.emit(Try(f.at(node), body, handlers, otherwise))
    f.branch_states(*ends)


def _inside(sites: list[Any], depth: int) -> list[Any]:
    """The sites in the body of a `try` as its handler sees them: only the handlers further in catch before it."""
    from codegen.check.errors import Site

    return [Site(site.location, site.source, site.catching[depth + 1 :]) for site in sites]


def _codes(f: Checker, handler: ast.ExceptHandler) -> frozenset[int] | None:
    """The error numbers that a handler catches; None for all."""
    if handler.type is None:
        raise f.refuse(handler, "a bare except", "except Errno:")
    value = f.expression(handler.type)
    found = value.object if isinstance(value, HostValue) else None
    classes = found if isinstance(found, tuple) else (found,)
    if classes == (lang.Errno,):
        return None
    if not all(is_errno(cls) and cls is not lang.Errno for cls in classes):
        raise f.refuse(handler.type, "only an Errno can be caught", "except ENOENT:, except Errno as error:")
    return frozenset(cls.code for cls in classes if cls is not None)


def _handler(f: Checker, node: ast.ExceptHandler, codes: frozenset[int] | None, caught: Caught) -> Handler:
    local = Local(node.name or ".error", ERROR)
    f.error_sources[local] = caught
    if node.name:
        f.frame.locals[node.name] = local
        f.state[node.name] = Binding(local, ERROR)
    f.frame.caught.append((local, caught))
    body = f.collect(node.body)
    f.frame.caught.pop()
    if node.name:
        f.state.pop(node.name, None)
    return Handler(None if codes is None else tuple(sorted(codes)), local, body)


# with -------------------------------------------------------------------------------------------


def check_with(f: Checker, node: ast.With) -> None:
    _with_items(f, node, list(node.items))


def _with_items(f: Checker, node: ast.With, items: list[ast.withitem]) -> None:
    if not items:
        f.out.extend(f.collect(node.body))
        return
    item = items.pop(0)
    expression = item.context_expr
    if isinstance(expression, ast.Call):
        callee = f.expression(expression.func)
        if isinstance(callee, HostValue) and callee.object in (lang.on_error, lang.deferred):
            _undo(f, node, expression, items, on_failure_only=callee.object is lang.on_error)
            return
    value = f.expression(expression)
    if isinstance(value, HostValue) and not is_struct(type(value.object)):
        raise f.refuse(expression, f"{describe(value)} is not a context manager")
    manager = f.settled(materialise(f, value), "manager")
    type_ = manager.type
    if not isinstance(type_, StructType) or not hasattr(type_.cls, "__enter__"):
        raise f.refuse(expression, f"{type_} is not a context manager", "it needs __enter__ and __exit__")
    enter = calls.invoke(f, expression, access.attribute_of(f, expression, manager, "__enter__"), [], [])
    if item.optional_vars is None:
        f.emit(Evaluate(f.at(expression), materialise(f, enter)))
    else:
        from codegen.check.assignment import assign_to

        assign_to(f, item.optional_vars, enter)
    leave = calls.invoke(f, expression, access.attribute_of(f, expression, manager, "__exit__"), [], [])
    tree = materialise(f, leave)
    _may_not_fail(f, expression, tree)
    _scope(f, node, items, [Evaluate(f.at(expression), tree)], on_failure_only=False)


def _scope(
    f: Checker, node: ast.With, items: list[ast.withitem], cleanup: list[Statement], *, on_failure_only: bool
) -> None:
    outer, f.out = f.out, []
    _with_items(f, node, items)
    body, f.out = f.out, outer
    f.emit(Cleanup(f.at(node), body, cleanup, on_failure_only))


def _undo(f: Checker, node: ast.With, request: ast.Call, items: list[ast.withitem], *, on_failure_only: bool) -> None:
    """`with on_error(f, a):` and `with deferred(f, a):`: the arguments are evaluated before the block."""
    if not request.args or request.keywords:
        raise f.refuse(request, "it takes a function and its arguments", "with on_error(release, frame):")
    callee = f.expression(request.args[0])
    value = calls.invoke(f, request, callee, list(request.args[1:]), [])
    tree = materialise(f, value)
    if not isinstance(tree, (Call, CallInterface, CallValue)):
        raise f.refuse(request.args[0], "this is not a function that can be called later")
    _may_not_fail(f, request.args[0], tree)
    receiver = getattr(tree, "receiver", None)
    if receiver is not None and isinstance(tree, CallInterface):
        tree.receiver = f.settled(receiver, "receiver")
    tree.arguments = [f.settled(argument, "argument") for argument in tree.arguments]
    if isinstance(tree, CallValue):
        tree.function = f.settled(tree.function, "undo")
    _scope(f, node, items, [Evaluate(f.at(request), tree)], on_failure_only=on_failure_only)


def _may_not_fail(f: Checker, node: ast.expr, tree: Expression) -> None:
    fallible = tree.function.fallible if isinstance(tree, Call) else getattr(tree, "fallible", False)
    if fallible:
        hint = "an error on the way out has nowhere to go: catch it inside"
        raise f.refuse(node, "what runs on the way out may not be Fallible", hint)
