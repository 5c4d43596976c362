"""Lowering of integer operations: every check and the floor of division become ordinary instructions."""

from __future__ import annotations

from codegen import cfg, tree
from codegen.cfg import Value
from codegen.lang import TrapKind
from codegen.lower.builder import Builder, constant, lowers
from codegen.lower.representation import is_signed, machine_type
from codegen.tree import BinaryOperator, CompareOperator, Conversion, UnaryOperator
from codegen.types import EnumType, IntegerLike, SliceType, Type, integer_range

_PLAIN = {
    BinaryOperator.ADD: "add",
    BinaryOperator.SUBTRACT: "sub",
    BinaryOperator.MULTIPLY: "mul",
    BinaryOperator.AND: "and",
    BinaryOperator.OR: "or",
    BinaryOperator.XOR: "xor",
}
_BY_SIGN = {
    BinaryOperator.MINIMUM: ("umin", "smin"),
    BinaryOperator.MAXIMUM: ("umax", "smax"),
    BinaryOperator.SATURATING_SUBTRACT: ("usub.sat", "ssub.sat"),
}
_COUNTS = {
    UnaryOperator.COUNT_TRAILING_ZEROS: "cttz",
    UnaryOperator.COUNT_LEADING_ZEROS: "ctlz",
    UnaryOperator.POPULATION_COUNT: "ctpop",
}
_PREDICATES = {
    CompareOperator.EQUAL: ("eq", "eq"),
    CompareOperator.NOT_EQUAL: ("ne", "ne"),
    CompareOperator.LESS: ("ult", "slt"),
    CompareOperator.LESS_EQUAL: ("ule", "sle"),
    CompareOperator.GREATER: ("ugt", "sgt"),
    CompareOperator.GREATER_EQUAL: ("uge", "sge"),
}


@lowers(tree.Binary)
def binary(builder: Builder, node: tree.Binary) -> Value:
    operator, signed = node.operator, is_signed(node.type)
    left, right = builder.value(node.left), builder.value(node.right)
    if operator in (BinaryOperator.SHIFT_LEFT, BinaryOperator.SHIFT_RIGHT):
        return _shift(builder, node, left, right)
    if operator in (BinaryOperator.FLOOR_DIVIDE, BinaryOperator.MODULO):
        return _divide(builder, node, left, right)
    if operator in _BY_SIGN:
        return builder.arithmetic(_BY_SIGN[operator][signed], left, right)
    result = builder.fresh(left.type)
    builder.emit(cfg.Arithmetic(builder.location, result, _PLAIN[operator], left, right, signed, node.trap))
    return result


def _shift(builder: Builder, node: tree.Binary, left: Value, count: Value) -> Value:
    bits = int(left.type[1:])
    if not (count.text.isdigit() and int(count.text) < bits):
        if node.trap is None:
            count = builder.arithmetic("and", count, constant(bits - 1, count.type))
        else:
            builder.check(builder.compare("ult", count, constant(bits, count.type)), node.trap)
    count = _resize(builder, count, left.type, signed=False)
    back = "ashr" if is_signed(node.type) else "lshr"
    if node.operator is BinaryOperator.SHIFT_RIGHT:
        return builder.arithmetic(back, left, count)
    shifted = builder.arithmetic("shl", left, count)
    if node.trap is not None:
        builder.check(builder.compare("eq", builder.arithmetic(back, shifted, count), left), node.trap)
    return shifted


def _divide(builder: Builder, node: tree.Binary, left: Value, right: Value) -> Value:
    """`//` and `%` of Python: the quotient is rounded down, the remainder has the divisor's sign."""
    zero = constant(0, left.type)
    literal = int(right.text) if right.text.lstrip("-").isdigit() else 0
    if literal == 0:
        builder.check(builder.compare("ne", right, zero), TrapKind.DIVISION)
    is_quotient = node.operator is BinaryOperator.FLOOR_DIVIDE
    if not is_signed(node.type):
        return builder.arithmetic("udiv" if is_quotient else "urem", left, right)
    if literal in (0, -1):
        right = _guard_minimum(builder, node, left, right, is_quotient)
    remainder = builder.arithmetic("srem", left, right)
    signs_differ = builder.compare("slt", builder.arithmetic("xor", remainder, right), zero)
    inexact = builder.compare("ne", remainder, zero)
    adjust = builder.arithmetic("and", signs_differ, inexact)
    if is_quotient:
        quotient = builder.arithmetic("sdiv", left, right)
        return builder.arithmetic("sub", quotient, builder.cast("zext", adjust, left.type))
    mask = builder.cast("sext", adjust, left.type)
    return builder.arithmetic("add", remainder, builder.arithmetic("and", right, mask))


def _guard_minimum(builder: Builder, node: tree.Binary, left: Value, right: Value, is_quotient: bool) -> Value:
    """MIN // -1 overflows, and the CPU faults on MIN % -1 as well, whose answer is 0 (as that of any % 1)."""
    minus_one = builder.compare("eq", right, constant(-1, right.type))
    if is_quotient:
        minimum = builder.compare("eq", left, constant(integer_range(node.type)[0], left.type))
        both = builder.arithmetic("and", minus_one, minimum)
        builder.check(builder.arithmetic("xor", both, constant(1, "i1")), TrapKind.OVERFLOW)
        return right
    two = builder.arithmetic("shl", builder.cast("zext", minus_one, right.type), constant(1, right.type))
    return builder.arithmetic("add", right, two)


@lowers(tree.Unary)
def unary(builder: Builder, node: tree.Unary) -> Value:
    operand = builder.value(node.operand)
    if node.operator in _COUNTS:
        counted = builder.fresh(operand.type)
        builder.emit(cfg.CountBits(builder.location, counted, _COUNTS[node.operator], operand))
        return _resize(builder, counted, machine_type(node.type), signed=False)
    if node.operator is UnaryOperator.NEGATE:
        result, zero = builder.fresh(operand.type), constant(0, operand.type)
        builder.emit(cfg.Arithmetic(builder.location, result, "sub", zero, operand, is_signed(node.type), node.trap))
        return result
    ones = constant(1 if operand.type == "i1" else -1, operand.type)
    return builder.arithmetic("xor", operand, ones)


@lowers(tree.Compare)
def compare(builder: Builder, node: tree.Compare) -> Value:
    left, right = builder.value(node.left), builder.value(node.right)
    signed = is_signed(node.left.type)
    return builder.compare(_PREDICATES[node.operator][signed], left, right)


@lowers(tree.Convert)
def convert(builder: Builder, node: tree.Convert) -> Value | None:
    operand = builder.value(node.operand)
    source, target = node.operand.type, node.type
    conversion = node.conversion
    if conversion is Conversion.ADDRESS_TO_REFERENCE:
        return builder.pointer(operand)
    if conversion is Conversion.REFERENCE_TO_ADDRESS:
        return builder.number(operand)
    if conversion is Conversion.NARROW and node.trap is not None:
        _check_range(builder, operand, source, target, node.trap)
    if conversion is Conversion.TO_ENUM and node.trap is not None:
        _check_member(builder, operand, target, node.trap)
    if not isinstance(source, IntegerLike) or not isinstance(target, IntegerLike):
        return operand
    return _resize(builder, operand, machine_type(target), is_signed(source))


def _resize(builder: Builder, value: Value, type_: str, signed: bool) -> Value:
    if value.type == type_:
        return value
    if value.text.isdigit() and int(value.text) < 1 << int(type_[1:]) - 1:
        return constant(int(value.text), type_)
    if int(value.type[1:]) > int(type_[1:]):
        return builder.cast("trunc", value, type_)
    return builder.cast("sext" if signed else "zext", value, type_)


def _check_range(builder: Builder, value: Value, source: Type, target: Type, trap: TrapKind) -> None:
    """Trap unless a value of `source` is one of `target`."""
    lowest, highest = integer_range(target)
    source_lowest, source_highest = integer_range(source)
    if source_lowest < lowest < 0:
        narrow = builder.cast("trunc", value, machine_type(target))
        builder.check(builder.compare("eq", builder.cast("sext", narrow, value.type), value), trap)
    elif source_highest > highest:
        # A negative value is a large one to an unsigned comparison.
        builder.check(builder.compare("ule", value, constant(highest, value.type)), trap)
    elif source_lowest < lowest:
        builder.check(builder.compare("sge", value, constant(lowest, value.type)), trap)


def _check_member(builder: Builder, value: Value, target: Type, trap: TrapKind) -> None:
    """Trap unless the integer is the value of a member, or, for flags, has known bits only."""
    assert isinstance(target, EnumType)
    members = sorted({int(member) for member in target.cls})
    if target.is_flag:
        known = 0
        for member in members:
            known |= member
        unknown = builder.arithmetic("and", value, constant(~known & (1 << target.bits) - 1, value.type))
        builder.check(builder.compare("eq", unknown, constant(0, value.type)), trap)
        return
    if members == list(range(members[0], members[-1] + 1)):
        above = builder.arithmetic("sub", value, constant(members[0], value.type))
        builder.check(builder.compare("ule", above, constant(members[-1] - members[0], value.type)), trap)
        return
    is_member = builder.compare("eq", value, constant(members[0], value.type))
    for member in members[1:]:
        equal = builder.compare("eq", value, constant(member, value.type))
        is_member = builder.arithmetic("or", is_member, equal)
    builder.check(is_member, trap)


@lowers(tree.SliceEqual)
def slice_equal(builder: Builder, node: tree.SliceEqual) -> Value:
    left, right = builder.value(node.left), builder.value(node.right)
    assert isinstance(node.left.type, SliceType)
    result, length = builder.new_slot("i1", "equal"), builder.unpack(left, 1)
    same_length = builder.compare("eq", length, builder.unpack(right, 1))
    builder.store(same_length, result)
    contents, join = builder.new_block("contents"), builder.new_block("join")
    builder.branch(same_length, contents, join)
    builder.enter(contents)
    same = builder.fresh("i1")
    pointers = builder.unpack(left, 0), builder.unpack(right, 0)
    builder.emit(cfg.EqualMemory(builder.location, same, *pointers, length))
    builder.store(same, result)
    builder.jump(join)
    builder.enter(join)
    return builder.load(result, "i1")
