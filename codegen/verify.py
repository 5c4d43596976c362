"""Checks that a typed tree keeps the promises of `tree.py`; a failure is a bug of the checker.

It looks at every node of every function: operands have the types that the node asks for, labels enclose the
`Break`s to them, a local is of this function, a fallible call or `Raise` is caught or the function is fallible,
and no place-only type is a value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from codegen import tree
from codegen.types import (
    BOOL,
    ERROR,
    U64,
    ArrayType,
    AtomicType,
    FunctionType,
    IntegerLike,
    InterfaceType,
    NeverType,
    PlaceOnly,
    ReferenceLike,
    SliceType,
    TupleType,
    UserSliceType,
    VoidType,
)


class BrokenTree(AssertionError):
    """The tree of a function breaks a rule."""


def verify(program: tree.CheckedProgram) -> None:
    """Verify every function and static of a program."""
    for function in program.functions:
        if function.body is not None:
            _Verifier(function).run()
    for static in program.statics:
        if static.image and len(static.image) != static.size:
            raise BrokenTree(f"{static.symbol}: {len(static.image)} bytes of {static.size}")
        for relocation in static.relocations:
            if not 0 <= relocation.offset <= static.size - 8:
                raise BrokenTree(f"{static.symbol}: relocation at {relocation.offset} of {static.size}")


class _Verifier:
    def __init__(self, function: tree.Function) -> None:
        self.function = function
        self.labels: list[tree.Label] = []
        self.known = set(function.parameters)
        self.catching = 0

    def run(self) -> None:
        assert self.function.body is not None
        self.body(self.function.body)

    def need(self, holds: object, node: tree.Node, rule: str) -> None:
        if not holds:
            where = node.location
            name = type(node).__name__
            raise BrokenTree(f"{self.function.symbol}: {name} at {where.file}:{where.line}: {rule}")

    # Statements ---------------------------------------------------------------------------------

    def body(self, statements: list[tree.Statement]) -> None:
        for statement in statements:
            self.statement(statement)

    def statement(self, node: tree.Statement) -> None:
        match node:
            case tree.Assign(_, local, value):
                self.typed(node, value, local.type)
                self.known.add(local)
            case tree.Store(_, place, value):
                self.place(place)
                self.need(not isinstance(place.type, PlaceOnly), node, "stores to a place-only type")
                self.typed(node, value, place.type)
            case tree.Evaluate(_, value):
                self.expression(value)
            case tree.If(_, test, then, otherwise):
                self.typed(node, test, BOOL)
                self.body(then)
                self.body(otherwise)
            case tree.Loop(_, label, body) | tree.Block(_, label, body):
                self.labels.append(label)
                self.body(body)
                self.labels.pop()
            case tree.Break(_, label):
                self.need(label in self.labels, node, "breaks to a label that does not enclose it")
            case tree.Return(_, value):
                if value is None:
                    self.need(isinstance(self.function.result, VoidType), node, "returns nothing")
                else:
                    self.typed(node, value, self.function.result)
            case tree.Switch():
                self.switch(node)
            case tree.Raise(_, error):
                self.typed(node, error, ERROR)
                self.may_fail(node)
            case tree.Try():
                self.attempt(node)
            case tree.Cleanup(_, body, cleanup, _):
                self.body(body)
                self.body(cleanup)

    def switch(self, node: tree.Switch) -> None:
        self.expression(node.subject)
        self.need(isinstance(node.subject.type, IntegerLike), node, "switches over no integer")
        values = [value for case in node.cases for value in case.values]
        self.need(len(values) == len(set(values)), node, "has a value twice")
        for case in node.cases:
            self.body(case.body)
        self.body(node.default or [])

    def attempt(self, node: tree.Try) -> None:
        self.catching += 1
        self.body(node.body)
        self.catching -= 1
        self.body(node.otherwise)
        for handler in node.handlers:
            self.need(handler.error.type == ERROR, node, "a handler's local is no error")
            self.known.add(handler.error)
            self.body(handler.body)

    def may_fail(self, node: tree.Node) -> None:
        self.need(self.catching or self.function.fallible, node, "fails in a function that is not fallible")

    # Expressions --------------------------------------------------------------------------------

    def typed(self, node: tree.Node, value: tree.Expression, wanted: Any) -> None:
        self.expression(value)
        same = value.type == wanted or isinstance(value.type, NeverType)
        self.need(same, node, f"wants {wanted}, has {value.type}")

    def expression(self, node: tree.Expression) -> None:
        self.need(not isinstance(node.type, PlaceOnly), node, f"{node.type} is no value")
        check: Callable[[Any], None] | None = getattr(self, f"on_{type(node).__name__}", None)
        if check is not None:
            check(node)
        else:
            self.children(node)

    def children(self, node: tree.Node) -> None:
        """Verify whatever expressions a node without rules of its own holds."""
        for name in type(node).__slots__:
            value = getattr(node, name)
            for inner in value if isinstance(value, list) else [value]:
                if isinstance(inner, tree.Place):
                    self.place(inner)
                elif isinstance(inner, tree.Typed):
                    self.expression(inner)  # type: ignore[arg-type]

    def place(self, node: tree.Place) -> None:
        match node:
            case tree.Field(_, _, base, _, _, _):
                self.expression(base)
                self.need(isinstance(base.type, ReferenceLike), node, f"a field of {base.type}")
            case tree.Element(_, type_, slice_, index, _):
                self.expression(slice_)
                element = slice_.type.element if isinstance(slice_.type, SliceType) else None
                self.need(element == type_, node, f"an element of {slice_.type} as {type_}")
                self.typed(node, index, U64)
            case tree.Unaligned(_, type_, slice_, offset, _):
                self.expression(slice_)
                self.need(isinstance(type_, IntegerLike), node, "no integer")
                self.typed(node, offset, U64)

    def on_ReadLocal(self, node: tree.ReadLocal) -> None:  # noqa: N802 - named by the node
        self.need(node.local in self.known, node, f"reads {node.local.name}, which nothing sets before")

    def on_Let(self, node: tree.Let) -> None:  # noqa: N802
        self.typed(node, node.value, node.local.type)
        self.known.add(node.local)
        self.typed(node, node.body, node.type)

    def on_Binary(self, node: tree.Binary) -> None:  # noqa: N802
        self.typed(node, node.left, node.type)
        shift = node.operator in (tree.BinaryOperator.SHIFT_LEFT, tree.BinaryOperator.SHIFT_RIGHT)
        if shift:
            self.expression(node.right)
            self.need(not getattr(node.right.type, "signed", True), node, "a signed count")
        else:
            self.typed(node, node.right, node.type)

    def on_Compare(self, node: tree.Compare) -> None:  # noqa: N802
        self.expression(node.left)
        self.typed(node, node.right, node.left.type)

    def on_Logical(self, node: tree.Logical) -> None:  # noqa: N802
        self.typed(node, node.left, BOOL)
        self.typed(node, node.right, BOOL)

    def on_Conditional(self, node: tree.Conditional) -> None:  # noqa: N802
        self.typed(node, node.test, BOOL)
        self.typed(node, node.then, node.type)
        self.typed(node, node.otherwise, node.type)

    def on_Read(self, node: tree.Read) -> None:  # noqa: N802
        self.place(node.place)
        self.need(node.type == node.place.type, node, f"reads {node.place.type} as {node.type}")

    def on_ArraySlice(self, node: tree.ArraySlice) -> None:  # noqa: N802
        self.place(node.place)
        self.need(isinstance(node.place.type, ArrayType), node, f"slices {node.place.type}")

    def on_Atomic(self, node: tree.Atomic) -> None:  # noqa: N802
        self.place(node.place)
        type_ = node.place.type
        self.need(isinstance(type_, AtomicType), node, f"is on {type_}")
        for operand in node.operands:
            self.typed(node, operand, getattr(type_, "inner", None))

    def on_MakeTuple(self, node: tree.MakeTuple) -> None:  # noqa: N802
        wanted: Any = (U64, U64) if isinstance(node.type, UserSliceType) else None
        if isinstance(node.type, TupleType):
            wanted = node.type.elements
        for element, type_ in zip(node.elements, wanted, strict=True):
            self.typed(node, element, type_)

    def on_Call(self, node: tree.Call) -> None:  # noqa: N802
        parameters = [parameter.type for parameter in node.function.parameters]
        self.arguments(node, node.arguments, parameters)
        if node.function.fallible:
            self.may_fail(node)

    def on_CallValue(self, node: tree.CallValue) -> None:  # noqa: N802
        self.expression(node.function)
        type_ = node.function.type
        self.need(isinstance(type_, FunctionType), node, f"calls {type_}")
        assert isinstance(type_, FunctionType)
        self.arguments(node, node.arguments, list(type_.parameters))
        if node.fallible:
            self.may_fail(node)

    def on_CallInterface(self, node: tree.CallInterface) -> None:  # noqa: N802
        self.expression(node.receiver)
        self.need(isinstance(node.receiver.type, InterfaceType), node, f"calls through {node.receiver.type}")
        self.arguments(node, node.arguments, node.parameters)
        if node.fallible:
            self.may_fail(node)

    def arguments(self, node: tree.Node, given: list[tree.Expression], wanted: list[Any]) -> None:
        self.need(len(given) == len(wanted), node, f"{len(given)} arguments for {len(wanted)}")
        for argument, type_ in zip(given, wanted, strict=True):
            self.typed(node, argument, type_)


__all__ = ["BrokenTree", "verify"]
