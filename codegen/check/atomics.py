"""Methods of embedded Atomics."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from codegen.check import calls
from codegen.check.convert import coerce
from codegen.check.values import AtomicMethod, HostValue, PlaceValue, Value
from codegen.lang import Order
from codegen.tree import Atomic, AtomicOperator
from codegen.types import BOOL, VOID, AtomicType, Type

if TYPE_CHECKING:
    from codegen.check.function import Checker

_ATOMIC = {
    "load": (AtomicOperator.LOAD, 0),
    "store": (AtomicOperator.STORE, 1),
    "exchange": (AtomicOperator.EXCHANGE, 1),
    "compare_exchange": (AtomicOperator.COMPARE_EXCHANGE, 2),
    "fetch_add": (AtomicOperator.ADD, 1),
    "fetch_sub": (AtomicOperator.SUBTRACT, 1),
    "fetch_or": (AtomicOperator.OR, 1),
    "fetch_and": (AtomicOperator.AND, 1),
}


def atomic_method(f: Checker, node: ast.expr, value: PlaceValue, name: str) -> AtomicMethod:
    if name not in _ATOMIC:
        raise f.refuse(node, f"an Atomic has no method {name}", f"it has {', '.join(_ATOMIC)}")
    return AtomicMethod(f.at(node), value.place, name)


def call_atomic(
    f: Checker, node: ast.expr, callee: AtomicMethod, arguments: list[Any], keywords: calls.Keywords
) -> Value:
    operator, count = _ATOMIC[callee.name]
    type_ = callee.place.type
    assert isinstance(type_, AtomicType)
    named = dict(keywords)
    order = named.pop("order", None) or (arguments.pop() if len(arguments) == count + 1 else None)
    if len(arguments) != count or named:
        raise f.refuse(node, f"{callee.name} takes {count} values and an order")
    operands = [coerce(f, calls.evaluate(f, argument, type_.inner), type_.inner) for argument in arguments]
    chosen = Order.SEQ_CST
    if order is not None:
        value = calls.evaluate(f, order)
        if not isinstance(value, HostValue) or not isinstance(value.object, Order):
            raise f.refuse(value.location, "the order is a constant", "write Order.ACQUIRE")
        chosen = value.object
    results: dict[AtomicOperator, Type] = {AtomicOperator.STORE: VOID, AtomicOperator.COMPARE_EXCHANGE: BOOL}
    return Atomic(f.at(node), results.get(operator, type_.inner), operator, callee.place, operands, chosen)
