"""`invoke_registers`: a call whose arguments arrive as six u64 registers, and whose result leaves as one i64.

For each function called so, an adapter is made, once: it takes the context and six registers, converts them as
the function's parameters say, and turns the result, or the error, into one i64.
"""

from __future__ import annotations

import types as python_types
from typing import TYPE_CHECKING, Any

from codegen.check.convert import coerce, plain, retype
from codegen.check.values import HostValue, Value
from codegen.lang import TrapKind
from codegen.signature import signature_of
from codegen.tree import (
    Binary,
    BinaryOperator,
    Call,
    Compare,
    CompareOperator,
    Constant,
    Conversion,
    Convert,
    Evaluate,
    Expression,
    Function,
    Handler,
    Local,
    Location,
    MakeTuple,
    ReadLocal,
    Return,
    Statement,
    Try,
)
from codegen.types import (
    BOOL,
    ERROR,
    I64,
    U64,
    USER_SLICE,
    BitsType,
    BoolType,
    EnumType,
    Int,
    NeverType,
    UnitType,
    UserSliceType,
    VoidType,
)

if TYPE_CHECKING:
    from codegen.check.function import Checker
    from codegen.check.intrinsics import Request


def invoke_registers(f: Checker, request: Request) -> Value:
    from codegen.check.calls import owner_of
    from codegen.check.intrinsics import value_of

    function, context, *registers = request.take(f, "invoke_registers", 8)
    callee = value_of(f, function)
    if not isinstance(callee, HostValue) or not isinstance(callee.object, python_types.FunctionType):
        hint = "go over a tuple of functions with a for, which unrolls"
        raise f.refuse(callee.location, "invoke_registers calls a function that is known while compiling", hint)
    signature = signature_of(callee.object, owner_of(callee.object))
    if not signature.parameters:
        raise f.refuse(request.where, f"{callee.object.__name__} takes no context")
    first = coerce(f, value_of(f, context, signature.parameters[0].type), signature.parameters[0].type)
    values = [coerce(f, value_of(f, register, U64), U64) for register in registers]
    instance = f.program.plain_instance(callee.object, request.where)
    adapter = f.program.register_adapters.get(instance)
    if adapter is None:
        adapter = _make_adapter(f, instance)
        f.program.register_adapters[instance] = adapter
        f.program.functions.append(adapter)
    return Call(request.where, I64, adapter, [first, *values])


def _make_adapter(f: Checker, target: Function) -> Function:
    where = target.location
    context = Local(".context", target.parameters[0].type)
    registers = [Local(f".register{index}", U64) for index in range(6)]
    waiting = list(registers)
    arguments: list[Expression] = [ReadLocal(where, context.type, context)]
    for parameter in target.parameters[1:]:
        wide = isinstance(parameter.type, UserSliceType)
        if len(waiting) < 1 + wide:
            raise f.refuse(where, f"{target.symbol} takes more than six registers")
        taken = [ReadLocal(where, U64, waiting.pop(0)) for _ in range(1 + wide)]
        arguments.append(_decode(f, where, parameter, taken))
    call = Call(where, target.result, target, arguments)
    body: list[Statement] = _returning(f, where, call)
    if target.fallible:
        error = Local(".error", ERROR)
        code = retype(ReadLocal(where, ERROR, error), Int(32, True))
        wide_code = Convert(where, I64, Conversion.WIDEN, code)
        zero = Constant(where, I64, 0)
        negative = Binary(where, I64, BinaryOperator.SUBTRACT, zero, wide_code)
        body = [Try(where, body, [Handler(None, error, [Return(where, negative)])], [])]
    symbol = f"{target.symbol}[registers]"
    return Function(symbol, target.module, where, [context, *registers], I64, body=body, inline=True)


def _decode(f: Checker, where: Location, parameter: Local, registers: list[ReadLocal]) -> Expression:
    raw: Expression = registers[0]
    type_: Any = parameter.type
    if isinstance(type_, UserSliceType):
        return MakeTuple(where, USER_SLICE, list(registers))
    if isinstance(type_, BoolType):
        return Compare(where, BOOL, CompareOperator.NOT_EQUAL, raw, Constant(where, U64, 0))
    if not isinstance(type_, (Int, UnitType, EnumType, BitsType)):
        raise f.refuse(where, f"the parameter {parameter.name}: {type_} does not fit a register")
    number = Int(type_.bits, False) if isinstance(type_, BitsType) else plain(type_)
    if number != U64:
        raw = Convert(where, number, Conversion.TRUNCATE, raw)
    if isinstance(type_, EnumType) and not type_.is_flag:
        return Convert(where, type_, Conversion.TO_ENUM, raw, TrapKind.ENUM)
    return retype(raw, type_, where)


def _returning(f: Checker, where: Location, call: Call) -> list[Statement]:
    type_: Any = call.type
    if isinstance(type_, NeverType):
        return [Evaluate(where, call)]
    if isinstance(type_, VoidType):
        return [Evaluate(where, call), Return(where, Constant(where, I64, 0))]
    if not isinstance(type_, (Int, UnitType, EnumType, BitsType, BoolType)):
        raise f.refuse(where, f"the result {type_} does not fit a register")
    value: Expression = call
    if not isinstance(type_, BoolType):
        number = Int(type_.bits, False) if isinstance(type_, BitsType) else plain(type_)
        value = retype(call, number, where)
        if number == I64:
            return [Return(where, value)]
        if number.bits == 64:
            return [Return(where, Convert(where, I64, Conversion.TRUNCATE, value))]
    return [Return(where, Convert(where, I64, Conversion.WIDEN, value))]
