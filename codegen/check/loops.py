"""Loops: while, for over ranges, slices, constants and iterators, which are inlined at their `yield`s."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from codegen.check import access, calls, expressions, iterators
from codegen.check.convert import coerce, materialise
from codegen.check.values import Binding, GeneratorCall, HostValue, LoopTarget, State, Value
from codegen.resolve import is_struct
from codegen.tree import (
    Assign,
    Binary,
    BinaryOperator,
    Block,
    Break,
    Compare,
    CompareOperator,
    Constant,
    Element,
    Expression,
    If,
    Label,
    Local,
    Location,
    Loop,
    ReadLocal,
    SliceLength,
    Statement,
)
from codegen.types import BOOL, U64, Int, SliceType, StructType

if TYPE_CHECKING:
    from codegen.check.function import Checker


def enter(f: Checker, node: ast.For | ast.While, body: list[ast.stmt]) -> LoopTarget:
    """Begin a loop: forget what later rounds may change."""
    from codegen.check.function import assigned_names, widen

    f.state = widen(f.state, assigned_names(body))
    target = _target(node)
    f.frame.loops.append(target)
    return target


def _target(node: Any) -> LoopTarget:
    end = Label("loop")
    return LoopTarget(end, Label("else") if node.orelse else end, Label("round"))


def leave(f: Checker, node: Any, target: LoopTarget, exhausted: State | None, loop: Statement) -> None:
    """End a loop; `exhausted` is what holds when it ends by itself, None when it never does."""
    f.frame.loops.pop()
    ends = [(True, state) for state in target.break_states]
    if node.orelse and exhausted is not None:
        f.live, f.state = True, exhausted
        otherwise = f.collect(node.orelse)
        f.emit(Block(f.at(node), target.break_label, [loop, *otherwise]))
        ends.append((f.live, f.state))
    else:
        f.emit(loop)
        if exhausted is not None:
            ends.append((True, exhausted))
    f.branch_states(*ends)


def check_break(f: Checker, node: ast.Break) -> None:
    target = f.frame.loops[-1]
    target.break_states.append(f.state)
    f.emit(Break(f.at(node), target.break_label))
    f.end_flow()


def check_continue(f: Checker, node: ast.Continue) -> None:
    target = f.frame.loops[-1]
    target.continue_states.append(f.state)
    f.emit(Break(f.at(node), target.continue_label))
    f.end_flow()


def check_while(f: Checker, node: ast.While) -> None:
    target = enter(f, node, node.body)
    head = f.state
    where = f.at(node.test)
    outer, f.out = f.out, []
    test = expressions.condition(f, node.test)
    statements, f.out = f.out, outer
    if test.value is False:
        f.frame.loops.pop()
        for statement in node.orelse:
            f.out.extend(f.collect([statement]))
        return
    if test.value is not True:
        statements.append(_break_unless(where, test.value, target))
    f.state = {**head, **test.when_true}
    body = f.collect(node.body)
    statements.append(Block(f.at(node), target.continue_label, body))
    exhausted = None if test.value is True else {**head, **test.when_false}
    leave(f, node, target, exhausted, Loop(f.at(node), target.exit_label, statements))


def check_for(f: Checker, node: ast.For) -> None:
    if isinstance(node.iter, ast.Call) and isinstance(node.iter.func, ast.Name) and node.iter.func.id not in f.state:
        name = node.iter.func.id
        arguments = node.iter.args
        if name == "range":
            _range(f, node, arguments, backwards=False)
            return
        if name == "reversed" and len(arguments) == 1:
            _reversed(f, node, arguments[0])
            return
        if name == "enumerate" and len(arguments) == 1:
            _over_slice(f, node, materialise(f, f.expression(arguments[0])), counted=True)
            return
    value = f.expression(node.iter)
    if isinstance(value, HostValue) and not isinstance(value.object, bytes):
        constant = _constant_items(f, value)
        if constant is not None:
            _unroll(f, node, value.location, constant)
            return
    over(f, node, value)


def over(f: Checker, node: ast.For, value: Value) -> None:
    """A `for` over a value of run time."""
    if isinstance(value, GeneratorCall):
        iterators.inline_iterator(f, node, value)
        return
    tree = materialise(f, value)
    if isinstance(tree.type, SliceType):
        _over_slice(f, node, tree, counted=False)
    elif isinstance(tree.type, StructType) and hasattr(tree.type.cls, "__iter__"):
        method = access.attribute_of(f, node.iter, tree, "__iter__")
        over(f, node, calls.invoke(f, node.iter, method, [], []))
    else:
        hint = "test it for None first" if "None" in str(tree.type) else "it goes over ranges, slices, iterators"
        if "User" in str(tree.type):
            hint = "copy it in with kernel/memory/user.py first"
        raise f.refuse(node.iter, f"a for cannot go over {tree.type}", hint)


def _constant_items(f: Checker, value: HostValue) -> list[Any] | None:
    found = value.object
    if is_struct(type(found)) or type(found).__name__ == "HostArray":
        return None
    try:
        return list(found)
    except TypeError:
        raise f.refuse(value.location, f"a for cannot go over {type(found).__name__}") from None


def _unroll(f: Checker, node: ast.For, where: Location, items: list[Any]) -> None:
    """One copy of the body for each constant."""
    from codegen.check.assignment import assign_to

    target = _target(node)
    f.frame.loops.append(target)
    outer, f.out = f.out, []
    exhausted: State | None = f.state
    for item in items:
        target.continue_label = Label("round")
        target.continue_states = []
        if isinstance(node.target, ast.Name):
            f.state = {**f.state, node.target.id: Binding(None, None, HostValue(where, item))}
        elif isinstance(node.target, ast.Tuple) and isinstance(item, tuple) and len(item) == len(node.target.elts):
            for name, part in zip(node.target.elts, item, strict=True):
                if isinstance(name, ast.Name):
                    f.state = {**f.state, name.id: Binding(None, None, HostValue(where, part))}
        else:
            assign_to(f, node.target, HostValue(where, item))
        body = f.collect(node.body)
        f.emit(Block(f.at(node), target.continue_label, body))
        f.branch_states((f.live, f.state), *((True, state) for state in target.continue_states))
        exhausted = f.state if f.live else None
        if not f.live:
            break
    statements, f.out = f.out, outer
    f.live = True
    leave(f, node, target, exhausted, Block(f.at(node), target.exit_label, statements))


# Counting ---------------------------------------------------------------------------------------


def _reversed(f: Checker, node: ast.For, argument: ast.expr) -> None:
    if isinstance(argument, ast.Call) and isinstance(argument.func, ast.Name) and argument.func.id == "range":
        if len(argument.args) < 3:
            _range(f, node, argument.args, backwards=True)
            return
    value = f.expression(argument)
    if isinstance(value, HostValue) and isinstance(value.object, tuple):
        _unroll(f, node, value.location, list(reversed(value.object)))
        return
    raise f.refuse(argument, "reversed goes over a range without a step", "for i in reversed(range(n)):")


def _range(f: Checker, node: ast.For, arguments: list[ast.expr], *, backwards: bool) -> None:
    from codegen.check.operators import arithmetic_type

    where = f.at(node.iter)
    if not 1 <= len(arguments) <= 3:
        raise f.refuse(node.iter, "range takes a stop, a start and stop, or a start, stop and step")
    values = [f.expression(argument) for argument in arguments]
    start = values[0] if len(values) > 1 else HostValue(where, 0)
    stop = values[1] if len(values) > 1 else values[0]
    step = _step(f, values[2]) if len(values) == 3 else 1
    type_ = arithmetic_type(f, where, start, stop)
    if isinstance(start, HostValue) and isinstance(stop, HostValue) and min(start.object, stop.object) < 0:
        type_ = Int(64, True)
    if isinstance(stop, HostValue) and stop.object < 0 and not type_.signed:
        raise f.refuse(stop.location, f"{stop.object} does not fit {type_}", "for i in reversed(range(n)):")
    first, last = coerce(f, start, type_), f.settled(coerce(f, stop, type_), "stop")
    if backwards:
        _count_down(f, node, type_, first, last)
    else:
        _count(f, node, type_, first, last, step)


def _step(f: Checker, value: Value) -> int:
    if isinstance(value, HostValue) and isinstance(value.object, int) and value.object != 0:
        return value.object
    raise f.refuse(value.location, "the step of a range is a constant other than 0", "write a while loop")


def _count(f: Checker, node: ast.For, type_: Int, first: Expression, last: Expression, step: int) -> None:
    """`for i in range(first, last, step)`: the counter never passes `last`, so it cannot overflow."""
    where = f.at(node.iter)
    counter = Local(".counter", type_)
    f.emit(Assign(where, counter, first))
    read = ReadLocal(where, type_, counter)
    target = enter(f, node, node.body)
    head = f.state
    inside = CompareOperator.LESS if step > 0 else CompareOperator.GREATER
    test = Compare(where, BOOL, inside, read, last)
    body = round_of(f, node, target, read)
    size = Constant(where, type_, abs(step))
    operator = BinaryOperator.ADD if step > 0 else BinaryOperator.SUBTRACT
    advance = Assign(where, counter, Binary(where, type_, operator, read, size))
    if abs(step) == 1:
        body = [_break_unless(where, test, target), *body, advance]
        leave(f, node, target, head, Loop(f.at(node), target.exit_label, body))
        return
    # One test a round: what is left says whether there is another one.
    ahead = (last, read) if step > 0 else (read, last)
    left = Binary(where, type_, BinaryOperator.SUBTRACT, *ahead)
    body += [_break_unless(where, Compare(where, BOOL, CompareOperator.GREATER, left, size), target), advance]
    leave(f, node, target, head, If(where, test, [Loop(f.at(node), target.exit_label, body)], []))


def _count_down(f: Checker, node: ast.For, type_: Int, first: Expression, last: Expression) -> None:
    """`for i in reversed(range(first, last))`."""
    where = f.at(node.iter)
    counter = Local(".counter", type_)
    f.emit(Assign(where, counter, last))
    read = ReadLocal(where, type_, counter)
    low = f.settled(first, "start")
    target = enter(f, node, node.body)
    head = f.state
    test = Compare(where, BOOL, CompareOperator.GREATER, read, low)
    less = Binary(where, type_, BinaryOperator.SUBTRACT, read, Constant(where, type_, 1))
    body: list[Statement] = [_break_unless(where, test, target), Assign(where, counter, less)]
    body += round_of(f, node, target, read)
    leave(f, node, target, head, Loop(f.at(node), target.exit_label, body))


def _break_unless(where: Location, test: Expression, target: LoopTarget) -> If:
    return If(where, test, [], [Break(where, target.exit_label)])


def round_of(f: Checker, node: ast.For, target: LoopTarget, value: Value) -> list[Statement]:
    """Assign the loop's target, then the body, in a block that `continue` leaves."""
    outer, f.out = f.out, []
    _assign_target(f, node.target, value)
    assigned, f.out = f.out, outer
    body = f.collect(node.body)
    return [*assigned, Block(f.at(node), target.continue_label, body)]


def _assign_target(f: Checker, target: ast.expr, value: Value) -> None:
    """Assign a loop target; a name of another type begins anew."""
    from codegen.check.assignment import assign_to, fits

    if isinstance(target, ast.Name):
        binding = f.state.get(target.id)
        local = binding.local if binding is not None else f.frame.locals.get(target.id)
        if local is not None and not fits(value, local.type):
            del f.frame.locals[target.id]
            f.state = {name: found for name, found in f.state.items() if name != target.id}
    assign_to(f, target, value)


def _over_slice(f: Checker, node: ast.For, tree: Expression, *, counted: bool) -> None:
    where = f.at(node.iter)
    if not isinstance(tree.type, SliceType):
        raise f.refuse(node.iter, f"enumerate goes over a slice, not {tree.type}")
    items = f.settled(tree, "items")
    counter = Local(".position", U64)
    f.emit(Assign(where, counter, Constant(where, U64, 0)))
    read = ReadLocal(where, U64, counter)
    length = f.settled(SliceLength(where, U64, items), "length")
    target = enter(f, node, node.body)
    head = f.state
    test = Compare(where, BOOL, CompareOperator.LESS, read, length)
    body: list[Statement] = [_break_unless(where, test, target)]
    item = access.read(f, Element(where, tree.type.element, items, read, None))
    if counted:
        if not isinstance(node.target, ast.Tuple) or len(node.target.elts) != 2:
            raise f.refuse(node.target, "enumerate gives a position and an item")
        outer, f.out = f.out, []
        _assign_target(f, node.target.elts[0], read)
        _assign_target(f, node.target.elts[1], item)
        body += f.out
        f.out = outer
        body.append(Block(f.at(node), target.continue_label, f.collect(node.body)))
    else:
        body += round_of(f, node, target, item)
    body.append(Assign(where, counter, Binary(where, U64, BinaryOperator.ADD, read, Constant(where, U64, 1))))
    leave(f, node, target, head, Loop(f.at(node), target.exit_label, body))
