"""Atomic integers."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Generic, TypeVar

from codegen.lang.numbers import int_type, u64

N = TypeVar("N", bound=int)


class Order(IntEnum):
    """Memory orderings, as in C11."""

    RELAXED = 0
    ACQUIRE = 1
    RELEASE = 2
    ACQ_REL = 3
    SEQ_CST = 4


class Atomic(Generic[N]):
    """An integer that several CPUs may change; a field `count: Atomic[u32] = inline()`. Wraps silently."""

    def __init__(self) -> None:
        self.value: Any = 0
        self.__type_arguments__: tuple[Any, ...] = ()

    def _wrap(self, value: int) -> int:
        kind = self.__type_arguments__[0] if self.__type_arguments__ else u64
        return int_type(kind).wrap(value)

    def load(self, order: Order = Order.SEQ_CST) -> N:
        """The value."""
        found: N = self.value
        return found

    def store(self, value: N, order: Order = Order.SEQ_CST) -> None:
        """Set the value."""
        self.value = value

    def exchange(self, value: N, order: Order = Order.SEQ_CST) -> N:
        """Set the value; returns the one before."""
        before: N = self.value
        self.value = value
        return before

    def compare_exchange(self, expected: N, value: N, order: Order = Order.SEQ_CST) -> bool:
        """Set the value if it is `expected`; says whether it was."""
        if self.value != expected:
            return False
        self.value = value
        return True

    def fetch_add(self, value: N, order: Order = Order.SEQ_CST) -> N:
        """Add; returns the value before."""
        before: N = self.value
        self.value = self._wrap(before + value)
        return before

    def fetch_sub(self, value: N, order: Order = Order.SEQ_CST) -> N:
        """Subtract; returns the value before."""
        before: N = self.value
        self.value = self._wrap(before - value)
        return before

    def fetch_or(self, value: N, order: Order = Order.SEQ_CST) -> N:
        """Set bits; returns the value before."""
        before: N = self.value
        self.value = before | value
        return before

    def fetch_and(self, value: N, order: Order = Order.SEQ_CST) -> N:
        """Clear the bits that `value` lacks; returns the value before."""
        before: N = self.value
        self.value = before & value
        return before
