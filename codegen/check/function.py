"""Checks one function: its flow state, its temporaries, and the dispatch to the other files of this package."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from codegen.check import expressions, statements
from codegen.check.errors import Site
from codegen.check.values import Binding, Frame, State, Value
from codegen.diagnostics import CompileError, refuse
from codegen.resolve import Annotations, Bindings
from codegen.signature import Signature
from codegen.source import FunctionSource, locate
from codegen.tree import (
    Assign,
    Constant,
    Expression,
    Function,
    Local,
    Location,
    ReadLocal,
    Statement,
    StaticAddress,
)
from codegen.types import NeverType, Type, VoidType

if TYPE_CHECKING:
    from codegen.check.program import Program


class Checker:
    """The state of checking one function, and of the iterators that are inlined in it."""

    def __init__(self, program: Program, function: Function, signature: Signature, bindings: Bindings) -> None:
        self.program = program
        self.function = function
        self.bindings = bindings
        self.frame = make_frame(signature.source, bindings)
        self.state: State = {}
        self.live = True
        self.out: list[Statement] = []
        self.sites: list[Site] = []
        self.catching: list[frozenset[int] | None] = []
        self.error_sources: dict[Local, Any] = {}
        self.stack_locals: set[Local] = set()
        self.alone: ast.expr | None = None  # the expression that is a statement by itself

    def check_body(self, constants: dict[str, Value]) -> None:
        """Check the whole function and set its body."""
        for parameter in self.function.parameters:
            self.state[parameter.name] = Binding(parameter, parameter.type)
            self.frame.locals[parameter.name] = parameter
        for name, value in constants.items():
            self.state[name] = Binding(None, None, value)
        body = self.collect(self.frame.source.node.body)
        if self.live and not isinstance(self.function.result, VoidType):
            message = f"{self.function.result} is wanted, but the end of the function can be reached"
            if isinstance(self.function.result, NeverType):
                message = "the function returns Never, but its end can be reached"
            raise refuse(self.frame.source.name_location, message, "return a value on every path, or raise")
        self.function.body = body

    # Locations and refusals ---------------------------------------------------------------------

    def at(self, node: ast.AST) -> Location:
        source = self.frame.source
        return locate(source.module.file, node, source.function.__qualname__)

    def refuse(self, node: ast.AST | Location, message: str, hint: str = "") -> CompileError:
        return refuse(self.at(node) if isinstance(node, ast.AST) else node, message, hint)

    def need_alone(self, node: ast.AST, what: str) -> None:
        """Refuse what becomes several statements inside of an expression."""
        if node is not self.alone:
            raise self.refuse(node, f"{what} is a statement of its own", "take it out of the expression")

    # Statements and flow ------------------------------------------------------------------------

    def collect(self, body: list[ast.stmt]) -> list[Statement]:
        """The statements that a body becomes."""
        outer, self.out = self.out, []
        try:
            for node in body:
                if not self.live:
                    break
                statements.check_statement(self, node)
            return self.out
        finally:
            self.out = outer

    def emit(self, statement: Statement) -> None:
        self.out.append(statement)

    def end_flow(self) -> None:
        """What follows cannot be reached."""
        self.live = False

    def branch_states(self, *ends: tuple[bool, State]) -> None:
        """Go on with what holds at the end of every live branch."""
        states = [state for live, state in ends if live]
        self.live = bool(states)
        self.state = merge(states) if states else {}

    # Locals -------------------------------------------------------------------------------------

    def temporary(self, value: Expression, name: str = "it") -> ReadLocal:
        """Keep the value of an expression in a fresh local."""
        local = Local(f".{name}", value.type)
        self.emit(Assign(value.location, local, value))
        return ReadLocal(value.location, value.type, local)

    def settled(self, value: Expression, name: str = "it") -> Expression:
        """An expression of the same value that may be written twice."""
        if isinstance(value, (Constant, ReadLocal, StaticAddress)):
            return value
        return self.temporary(value, name)

    def bind(self, name: str, local: Local, type_: Type) -> None:
        self.state[name] = Binding(local, type_)

    # Expressions --------------------------------------------------------------------------------

    def expression(self, node: ast.expr, expected: Type | None = None) -> Value:
        """Check an expression; `expected` only helps literals and generics, nothing is converted."""
        return expressions.check_expression(self, node, expected)


def make_frame(source: FunctionSource, bindings: Bindings) -> Frame:
    annotations = Annotations(source.module, source.function.__qualname__, bindings)
    return Frame(source, annotations, local_names(source))


_local_names: dict[FunctionSource, frozenset[str]] = {}


def local_names(source: FunctionSource) -> frozenset[str]:
    """The names that a function assigns, parameters included: they are locals in all of it."""
    found = _local_names.get(source)
    if found is None:
        code = source.function.__code__
        found = _local_names[source] = frozenset(code.co_varnames + code.co_cellvars)
    return found


def assigned_names(nodes: list[ast.stmt]) -> set[str]:
    """The names that statements assign."""
    names = set()
    waiting: list[Any] = [*nodes]
    while waiting:  # as ast.walk, in a third of the time
        node = waiting.pop()
        if type(node) is list:
            waiting += node
        elif type(node) is ast.Name:
            if type(node.ctx) is ast.Store:
                names.add(node.id)
        elif isinstance(node, ast.AST):
            waiting += [getattr(node, name, None) for name in node._fields]
    return names


def widen(state: State, names: set[str]) -> State:
    """`state` without what later assignments of `names` may make untrue."""
    widened = dict(state)
    for name in names & state.keys():
        binding = state[name]
        if binding.local is None:
            del widened[name]
        else:
            widened[name] = Binding(binding.local, binding.local.type)
    return widened


def merge(states: list[State]) -> State:
    """The names that are set in all states, with what is known of their types in all."""
    first, *rest = states
    if not rest:
        return first
    merged: State = {}
    for name, binding in first.items():
        known = binding
        for state in rest:
            other = state.get(name)
            if other is None or other.local is not binding.local or other.constant is not binding.constant:
                break
            if other.type != binding.type:
                assert binding.local is not None
                known = Binding(binding.local, binding.local.type)
        else:
            merged[name] = known
    return merged
