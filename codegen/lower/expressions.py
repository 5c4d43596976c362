"""Lowering of the other expressions: constants, locals, choices, tuples, calls and failure."""

from __future__ import annotations

from codegen import cfg, tree
from codegen.cfg import Value
from codegen.lang import TrapKind
from codegen.lower.builder import Breakable, Builder, Catch, Finally, constant, lowers
from codegen.lower.representation import SLICE, is_signed, machine_type, result_type
from codegen.types import NeverType

NULL = Value("null", "ptr")
TRAP_MESSAGE = Value('@"trap_message"', "ptr")


@lowers(tree.Constant)
def constant_value(builder: Builder, node: tree.Constant) -> Value:
    type_ = machine_type(node.type)
    return NULL if type_ == "ptr" else constant(int(node.value), type_)


@lowers(tree.Text)
def text(builder: Builder, node: tree.Text) -> Value:
    return builder.pack(SLICE, [builder.uses.text(node.data), constant(len(node.data), "i64")])


@lowers(tree.ReadLocal)
def read_local(builder: Builder, node: tree.ReadLocal) -> Value:
    return builder.load(builder.variable(node.local), machine_type(node.local.type))


@lowers(tree.Let)
def let(builder: Builder, node: tree.Let) -> Value:
    builder.assign(node.local, builder.value(node.value))
    return builder.value(node.body)


@lowers(tree.Logical)
def logical(builder: Builder, node: tree.Logical) -> Value:
    result = builder.new_slot("i1", "logical")
    left = builder.value(node.left)
    builder.store(left, result)
    right, join = builder.new_block("right"), builder.new_block("join")
    builder.branch(left, *((right, join) if node.is_and else (join, right)))
    builder.enter(right)
    value = builder.value(node.right)
    if value is not cfg.POISON:
        builder.store(value, result)
    builder.jump(join)
    builder.enter(join)
    return builder.load(result, "i1")


@lowers(tree.Conditional)
def conditional(builder: Builder, node: tree.Conditional) -> Value | None:
    type_ = machine_type(node.type)
    result = builder.new_slot(type_, "choice") if type_ != "void" else None
    then, otherwise, join = builder.new_block("then"), builder.new_block("else"), builder.new_block("join")
    condition(builder, node.test, then, otherwise)
    for block, arm in ((then, node.then), (otherwise, node.otherwise)):
        builder.enter(block)
        value = builder.value(arm)
        if result is not None and value is not cfg.POISON:
            builder.store(value, result)
        builder.jump(join)
    builder.enter(join)
    return builder.load(result, type_) if result is not None else None


def condition(builder: Builder, test: tree.Expression, then: cfg.BasicBlock, otherwise: cfg.BasicBlock) -> None:
    """Branch on a test; `and`, `or` and `not` become control flow without a value."""
    if isinstance(test, tree.Logical):
        right = builder.new_block("and" if test.is_and else "or")
        condition(builder, test.left, *((right, otherwise) if test.is_and else (then, right)))
        builder.enter(right)
        condition(builder, test.right, then, otherwise)
    elif isinstance(test, tree.Unary) and test.operator is tree.UnaryOperator.NOT:
        condition(builder, test.operand, otherwise, then)
    else:
        value = builder.value(test)
        builder.branch(value if value is not cfg.POISON else Value("poison", "i1"), then, otherwise)


@lowers(tree.MakeTuple)
def make_tuple(builder: Builder, node: tree.MakeTuple) -> Value:
    return builder.pack(machine_type(node.type), [builder.value(element) for element in node.elements])


@lowers(tree.TupleElement)
def tuple_element(builder: Builder, node: tree.TupleElement) -> Value:
    return builder.unpack(builder.value(node.tuple), node.index)


@lowers(tree.IsInstance)
def is_instance(builder: Builder, node: tree.IsInstance) -> Value:
    vtable = builder.load(builder.value(node.receiver), "ptr")
    return builder.compare("eq", vtable, builder.uses.static(node.vtable))


# Calls ----------------------------------------------------------------------------------------------


@lowers(tree.Call)
def call(builder: Builder, node: tree.Call) -> Value | None:
    function = node.function
    arguments = [builder.value(argument) for argument in node.arguments]
    if function.assembly is not None:
        return _call_assembly(builder, node, arguments)
    return _call(builder, node, function, arguments, function.fallible)


@lowers(tree.CallValue)
def call_value(builder: Builder, node: tree.CallValue) -> Value | None:
    callee = builder.value(node.function)
    arguments = [builder.value(argument) for argument in node.arguments]
    return _call(builder, node, callee, arguments, node.fallible)


@lowers(tree.CallInterface)
def call_interface(builder: Builder, node: tree.CallInterface) -> Value | None:
    receiver = builder.value(node.receiver)
    arguments = [receiver, *(builder.value(argument) for argument in node.arguments)]
    if node.only is not None:
        return _call(builder, node, node.only, arguments, node.fallible)
    vtable = builder.load(receiver, "ptr", nonnull=True)
    method = builder.load(builder.offset(vtable, constant(8 * node.slot, "i64")), "ptr", nonnull=True)
    return _call(builder, node, method, arguments, node.fallible)


def _call(
    builder: Builder,
    node: tree.Call | tree.CallValue | tree.CallInterface,
    callee: tree.Function | Value,
    arguments: list[Value],
    fallible: bool,
) -> Value | None:
    signature = result_type(node.type, fallible)
    result = builder.fresh(signature) if signature != "void" else None
    trees = [node.receiver, *node.arguments] if isinstance(node, tree.CallInterface) else node.arguments
    signed = tuple(is_signed(argument.type) for argument in trees)
    if isinstance(callee, tree.Function):
        callee = builder.uses.function(callee)
    builder.emit(cfg.Call(builder.location, result, callee, arguments, signature, signed))
    if fallible and result is not None:
        result = _go_on_unless_failed(builder, result)
    if isinstance(node.type, NeverType):
        builder.stop(None)
        return None
    return result


def _go_on_unless_failed(builder: Builder, result: Value) -> Value | None:
    has_value = result.type != "i32"
    error = builder.unpack(result, 0) if has_value else result
    failed = builder.compare("ne", error, constant(0, "i32"))
    go_on = builder.new_block("ok")
    builder.branch(failed, failure_target(builder, error), go_on, failure=True)
    builder.enter(go_on)
    return builder.unpack(result, 1) if has_value else None


def _call_assembly(builder: Builder, node: tree.Call, arguments: list[Value]) -> Value | None:
    """Booleans travel as bytes: assembly knows no 1-bit operand."""
    wanted = machine_type(node.type)
    arguments = [builder.cast("zext", each, "i8") if each.type == "i1" else each for each in arguments]
    signature = "i8" if wanted == "i1" else wanted
    result = builder.fresh(signature) if signature != "void" else None
    assembly = node.function.assembly
    assert assembly is not None
    builder.emit(cfg.Call(builder.location, result, assembly, arguments, signature))
    if isinstance(node.type, NeverType):
        builder.stop(None)
    if result is None or signature == wanted:
        return result
    return builder.compare("ne", result, constant(0, "i8"))


@lowers(tree.TrapExpression)
def trap_expression(builder: Builder, node: tree.TrapExpression) -> None:
    if node.message is not None:
        message = builder.value(node.message)
        arguments = [builder.number(builder.unpack(message, 0)), builder.unpack(message, 1)]
        builder.emit(cfg.Call(builder.location, None, TRAP_MESSAGE, arguments, "void"))
    builder.stop(node.trap)


# Failure --------------------------------------------------------------------------------------------


def failure_target(builder: Builder, error: Value) -> cfg.BasicBlock:
    """Where a failure goes from here, with `error` noted for whoever takes it."""
    for scope in reversed(builder.scopes):
        if isinstance(scope, Catch):
            scope.used = True
            builder.store(error, scope.error)
            return scope.entry
    if builder.failure_exit is None:
        return _impossible(builder)
    builder.store(error, builder.failure_exit.error)
    builder.failure_exit.used = True
    return builder.failure_exit.entry


def _impossible(builder: Builder) -> cfg.BasicBlock:
    """Where a failure goes that cannot be: the checker knows that all its numbers are handled."""
    before, block = builder.block, builder.new_block("impossible")
    builder.enter(block)
    builder.end(cfg.Stop(builder.location, TrapKind.UNREACHABLE))
    builder.block = before
    return block


def leave(builder: Builder, depth: int) -> bool:
    """Run the cleanups of the scopes from `depth` on, innermost first; False when one left otherwise."""
    saved = builder.scopes
    for position in range(len(saved) - 1, depth - 1, -1):
        scope = saved[position]
        if isinstance(scope, Finally):
            builder.scopes = saved[:position]
            builder.statements(scope.cleanup)
            if builder.ended:
                break
    builder.scopes = saved
    return not builder.ended


def label_depth(builder: Builder, label: tree.Label) -> tuple[int, cfg.BasicBlock]:
    """How many scopes stay when control goes to the end of `label`, and where that is."""
    for position in range(len(builder.scopes) - 1, -1, -1):
        scope = builder.scopes[position]
        if isinstance(scope, Breakable) and scope.label is label:
            return position, scope.exit
    raise AssertionError(f"no label {label.name} around this break")
