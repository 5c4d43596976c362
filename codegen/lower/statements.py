"""Lowering of statements; cleanups are copied to every way out, failures run through shared blocks."""

from __future__ import annotations

from codegen import cfg, tree
from codegen.cfg import Value
from codegen.lang import TrapKind
from codegen.lower.builder import Breakable, Builder, Catch, Finally, constant, lowers
from codegen.lower.expressions import condition, failure_target, label_depth, leave
from codegen.types import VoidType


@lowers(tree.Assign)
def assign(builder: Builder, node: tree.Assign) -> None:
    value = builder.value(node.value)
    if value is not cfg.POISON:
        builder.assign(node.local, value)


@lowers(tree.Evaluate)
def evaluate(builder: Builder, node: tree.Evaluate) -> None:
    builder.value(node.value)


@lowers(tree.If)
def if_(builder: Builder, node: tree.If) -> None:
    then, after = builder.new_block("then"), builder.new_block("after")
    otherwise = builder.new_block("else") if node.otherwise else after
    condition(builder, node.test, then, otherwise)
    builder.enter(then)
    builder.statements(node.then)
    builder.jump(after)
    if node.otherwise:
        builder.enter(otherwise)
        builder.statements(node.otherwise)
        builder.jump(after)
    builder.enter(after)


@lowers(tree.Loop)
def loop(builder: Builder, node: tree.Loop) -> None:
    body, after = builder.new_block("loop"), builder.new_block("after")
    builder.jump(body)
    builder.enter(body)
    _within(builder, Breakable(node.label, after), node.body)
    builder.location = node.location
    builder.jump(body)
    builder.enter(after)


@lowers(tree.Block)
def block(builder: Builder, node: tree.Block) -> None:
    after = builder.new_block("after")
    _within(builder, Breakable(node.label, after), node.body)
    builder.jump(after)
    builder.enter(after)


def _within(builder: Builder, scope: Breakable | Catch, body: list[tree.Statement]) -> None:
    builder.scopes.append(scope)
    builder.statements(body)
    builder.scopes.pop()


@lowers(tree.Break)
def break_(builder: Builder, node: tree.Break) -> None:
    depth, exit_ = label_depth(builder, node.label)
    if leave(builder, depth):
        builder.jump(exit_)


@lowers(tree.Return)
def return_(builder: Builder, node: tree.Return) -> None:
    value = builder.value(node.value) if node.value is not None else None
    if leave(builder, 0):
        builder.location = node.location
        give(builder, value)


def give(builder: Builder, value: Value | None) -> None:
    """Return a value, beside error number 0 when the function is fallible."""
    result = builder.graph.result
    if result == "void":
        value = None
    elif builder.graph.function.fallible:
        none = constant(0, "i32")
        value = none if result == "i32" else builder.pack(result, [none, value or cfg.POISON])
    _end(builder, value)


def _end(builder: Builder, value: Value | None) -> None:
    """Return a value as it is. Aggregates meet in a slot, which LLVM can take apart."""
    if value is None or not value.type.startswith("{"):
        builder.end(cfg.Return(builder.location, value))
        return
    if builder.result_exit is None:
        builder.result_exit = builder.new_block("return"), builder.new_slot(value.type, "result")
    builder.store(value, builder.result_exit[1])
    builder.jump(builder.result_exit[0])


@lowers(tree.Switch)
def switch(builder: Builder, node: tree.Switch) -> None:
    subject = builder.value(node.subject)
    after, default = builder.new_block("after"), builder.new_block("default")
    blocks = [builder.new_block("case") for _ in node.cases]
    cases = [(int(value), target) for case, target in zip(node.cases, blocks, strict=True) for value in case.values]
    builder.end(cfg.Switch(builder.location, subject, cases, default))
    for case, target in zip(node.cases, blocks, strict=True):
        builder.enter(target)
        builder.statements(case.body)
        builder.jump(after)
    builder.enter(default)
    builder.location = node.location
    if node.default is None:
        builder.end(cfg.Stop(node.location, node.trap))
    else:
        builder.statements(node.default)
        builder.jump(after)
    builder.enter(after)


# Failure --------------------------------------------------------------------------------------------


@lowers(tree.Raise)
def raise_(builder: Builder, node: tree.Raise) -> None:
    error = builder.value(node.error)
    builder.jump(failure_target(builder, error))


def _new_catch(builder: Builder, name: str) -> Catch:
    return Catch(builder.new_block(name), builder.new_slot("i32", "error"))


@lowers(tree.Try)
def try_(builder: Builder, node: tree.Try) -> None:
    catch, after = _new_catch(builder, "catch"), builder.new_block("after")
    _within(builder, catch, node.body)
    builder.statements(node.otherwise)
    builder.jump(after)
    if catch.used:
        builder.location = node.location
        builder.enter(catch.entry)
        _dispatch(builder, node, builder.load(catch.error, "i32"), after)
    builder.enter(after)


def _dispatch(builder: Builder, node: tree.Try, error: Value, after: cfg.BasicBlock) -> None:
    """Go to the first handler that has the error, or fail outwards."""
    default: cfg.BasicBlock | None = None
    cases: dict[int, cfg.BasicBlock] = {}
    handled: list[tuple[tree.Handler, cfg.BasicBlock]] = []
    for handler in node.handlers:
        target = builder.new_block("except")
        handled.append((handler, target))
        if handler.codes is None:
            default = target
            break
        for code in handler.codes:
            cases.setdefault(code, target)
    if default is None:
        default = failure_target(builder, error)
    builder.end(cfg.Switch(builder.location, error, list(cases.items()), default))
    for handler, target in handled:
        builder.enter(target)
        builder.assign(handler.error, error)
        builder.statements(handler.body)
        builder.jump(after)


@lowers(tree.Cleanup)
def cleanup(builder: Builder, node: tree.Cleanup) -> None:
    catch = _new_catch(builder, "cleanup")
    if not node.on_failure_only:
        builder.scopes.append(Finally(node.cleanup))
    _within(builder, catch, node.body)
    if not node.on_failure_only:
        builder.scopes.pop()
        builder.statements(node.cleanup)
    after = builder.new_block("after")
    builder.jump(after)
    if catch.used:
        builder.enter(catch.entry)
        builder.statements(node.cleanup)
        if not builder.ended:
            builder.location = node.location
            builder.jump(failure_target(builder, builder.load(catch.error, "i32")))
    builder.enter(after)


def finish(builder: Builder, failure_exit: Catch | None) -> None:
    """End a function whose last statement was not a return, and add the exit that failures share."""
    function = builder.graph.function
    if not builder.ended:
        if builder.graph.result in ("void", "i32") and isinstance(function.result, VoidType):
            give(builder, None)
        else:
            builder.end(cfg.Stop(builder.location, TrapKind.UNREACHABLE))
    if failure_exit is not None and failure_exit.used:
        builder.enter(failure_exit.entry)
        error, result = builder.load(failure_exit.error, "i32"), builder.graph.result
        value = error if result == "i32" else builder.pack(result, [error, cfg.POISON])
        _end(builder, value)
    if builder.result_exit is not None:
        block, slot = builder.result_exit
        builder.enter(block)
        builder.end(cfg.Return(builder.location, builder.load(slot, builder.graph.result)))
