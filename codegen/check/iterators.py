"""Functions with `yield`: inlined where a `for` goes over them, its body in place of each `yield`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from codegen.check import calls
from codegen.check.convert import coerce
from codegen.check.loops import enter, leave, round_of
from codegen.check.values import Binding, GeneratorCall, HostValue, LoopTarget, State, Value
from codegen.resolve import substitute
from codegen.signature import Signature, signature_of
from codegen.tree import Assign, Block, Label, Local

if TYPE_CHECKING:
    from codegen.check.function import Checker


class _YieldPoint:
    """What a `yield` in an inlined iterator does: the body of the `for` that goes over it."""

    def __init__(self, f: Checker, node: ast.For, target: LoopTarget) -> None:
        self.frame = f.frame
        self.node = node
        self.target = target
        self.head = f.state
        self.catching = list(f.catching)

    def run(self, f: Checker, node: ast.Yield, value: Value) -> None:
        if len(f.catching) > len(self.catching):
            hint = "the body of the loop is not inside that try: yield after it"
            raise f.refuse(node, "a yield inside a try with handlers", hint)
        inner_frame, inner_state = f.frame, f.state
        f.frame, f.state = self.frame, dict(self.head)
        self.target.continue_label = Label("round")
        self.target.continue_states = []
        for statement in round_of(f, self.node, self.target, value):
            f.emit(statement)
        f.frame, f.state = inner_frame, inner_state
        f.live = True


def inline_iterator(f: Checker, node: ast.For, call: GeneratorCall) -> None:
    """Put the iterator's body here, and the loop's body in place of each `yield`."""
    from codegen.check.function import make_frame

    signature: Signature = signature_of(call.function, call.owner)
    if sum(1 for frame in f.program.inlining if frame is call.function) > 2:
        raise f.refuse(node.iter, f"{call.function.__name__} goes over itself", "an iterator is inlined")
    target = enter(f, node, node.body)
    point = _YieldPoint(f, node, target)
    outer_frame, outer_state = f.frame, f.state
    inner = make_frame(signature.source, call.bindings)
    state: State = {}
    stored = {
        inside.id
        for inside in ast.walk(signature.source.node)
        if isinstance(inside, ast.Name) and isinstance(inside.ctx, ast.Store)
    }
    types = {parameter.name: parameter.type for parameter in signature.parameters}
    for name, given in call.arguments:
        value = given
        if isinstance(value, HostValue) and name in stored:
            value = coerce(f, value, substitute(types[name], call.bindings))
        if isinstance(value, HostValue):
            state[name] = Binding(None, None, value)
            continue
        local = Local(name, value.type)
        f.emit(Assign(value.location, local, value))
        inner.locals[name] = local
        state[name] = Binding(local, value.type)
    end = Label("iterator")
    inner.end_label, inner.on_yield = end, point
    inner.loops.append(LoopTarget(end, end, end))
    f.frame, f.state = inner, state
    f.program.inlining.append(call.function)
    body = f.collect(signature.source.node.body)
    f.program.inlining.pop()
    ends_itself = f.live or bool(inner.loops[0].break_states)
    f.frame, f.state, f.live = outer_frame, outer_state, True
    loop = Block(f.at(node), target.exit_label, [Block(f.at(node), end, body)])
    leave(f, node, target, point.head if ends_itself else None, loop)


def check_yield(f: Checker, node: ast.Yield) -> None:
    if f.frame.on_yield is None or node.value is None:
        raise f.refuse(node, "a yield stands in a function that a for goes over", "and gives a value")
    signature = signature_of(f.frame.source.function, _owner(f))
    wanted = substitute(signature.result.inner, f.frame.annotations.bindings)
    value = f.expression(node.value, wanted)
    f.frame.on_yield.run(f, node, coerce(f, value, wanted))


def _owner(f: Checker) -> Any:
    return calls.owner_of(f.frame.source.function)
