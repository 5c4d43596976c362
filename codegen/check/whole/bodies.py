"""What one function calls, takes and keeps, read from its tree in one walk."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from codegen.tree import (
    AddressOf,
    Assign,
    Call,
    CallInterface,
    CallValue,
    Case,
    Cleanup,
    Construct,
    Evaluate,
    Expression,
    Field,
    Function,
    FunctionAddress,
    Handler,
    Let,
    Local,
    Location,
    Place,
    ReadLocal,
    Return,
    StackStorage,
    Static,
    StaticAddress,
    Store,
)
from codegen.types import AtomicType, StructType

AnyCall = Call | CallInterface | CallValue

Owner = Local | Static | None
"""The struct that a lock or a field is in, where it has a name."""

TAKE, GIVE_BACK = "acquire", "release"
"""The methods of a spinlock that hold it without a `with`: seen from one to the other in one list of statements."""


class Held(NamedTuple):
    """A spinlock that is held: what it is called, its rank (0: unknown), where it was taken, and what it is in."""

    name: str
    rank: int
    location: Location
    owner: Owner = None


class Made(NamedTuple):
    """A call, the locks that are held at it, outermost first, and those of the arguments that nobody else has."""

    call: AnyCall
    held: tuple[Held, ...]
    private: tuple[str, ...]


class Taken(NamedTuple):
    """A lock that is taken, and those that are held then."""

    lock: Held
    held: tuple[Held, ...]


class Touched(NamedTuple):
    """A field that stands under a lock in its struct, the lock, and what is held where it is read, set or lent."""

    place: Field
    lock: str
    held: tuple[Held, ...]
    owner: Owner


@dataclass(eq=False)
class Body:
    """The facts of one function."""

    function: Function
    calls: list[Made] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    touched: list[Touched] = field(default_factory=list)
    dropped: list[AnyCall] = field(default_factory=list)
    assigned: list[tuple[Local, Expression]] = field(default_factory=list)
    stored: list[tuple[Place, Expression]] = field(default_factory=list)
    returned: list[Expression] = field(default_factory=list)
    addresses: list[Function] = field(default_factory=list)


def is_spinlock(type_: Any) -> bool:
    """Whether a type is a reference to a class marked `@spinlock`."""
    return isinstance(type_, StructType) and hasattr(type_.cls, "__spinlock__")


def _is_method_of_lock(function: Function) -> bool:
    """Whether a function is how a spinlock is taken: what it does to itself is not a taking of its own."""
    owner = function.parameters[0].type if function.parameters else None
    return is_spinlock(owner) and function.location.function.startswith(f"{owner}.")


def read_body(function: Function) -> Body:
    """Walk the tree of a function."""
    reader = _Reader(Body(function))
    reader.statements(function.body or [], ())
    return reader.body


class _Reader:
    def __init__(self, body: Body) -> None:
        self.body = body
        self.inside_lock = _is_method_of_lock(body.function)

    def statements(self, statements: list[Any], held: tuple[Held, ...]) -> None:
        """A list of statements, entered with `held`."""
        for statement in statements:
            call = statement.value if type(statement) in (Evaluate, Assign) else None
            if type(call) is Call and call.arguments and is_spinlock(call.arguments[0].type) and not self.inside_lock:
                held = self._lock_call(call, held)
            if type(statement) is Evaluate and isinstance(call, (Call, CallInterface, CallValue)):
                self.body.dropped.append(call)
            if type(statement) is Cleanup:
                # What comes after the block holds what was held before `__enter__`.
                self.statements(statement.body, held)
                held = self._after(statement.cleanup, held)
                self.statements(statement.cleanup, held)
            else:
                self._node(statement, held)

    def _lock_call(self, call: Call, held: tuple[Held, ...]) -> tuple[Held, ...]:
        """What is held after a method of a spinlock."""
        name = call.function.symbol.rsplit(".", 1)[-1]
        if name in ("__enter__", TAKE):
            lock = self._lock(call.arguments[0], call.location)
            self.body.taken.append(Taken(lock, held))
            return (*held, lock)
        return held[:-1] if name == GIVE_BACK else held

    def _after(self, cleanup: list[Any], held: tuple[Held, ...]) -> tuple[Held, ...]:
        call = cleanup[0].value if len(cleanup) == 1 and isinstance(cleanup[0], Evaluate) else None
        if not isinstance(call, Call) or not call.function.symbol.endswith(".__exit__"):
            return held
        return held[:-1] if is_spinlock(call.arguments[0].type) else held

    def _lock(self, reference: Expression, location: Location) -> Held:
        """Which lock an expression is: a field of a struct, or a static."""
        if isinstance(reference, ReadLocal):
            values = [value for local, value in self.body.assigned if local is reference.local]
            reference = values[0] if len(values) == 1 else reference
        if isinstance(reference, AddressOf) and isinstance(reference.place, Field):
            owner = reference.place.base.type
            if isinstance(owner, StructType):
                spec = owner.cls.__struct__[reference.place.name]
                name = f"{owner}.{spec.name}"
                return Held(name, _rank(spec.default), location, _owner(reference.place.base))
        if isinstance(reference, StaticAddress):
            return Held(reference.static.symbol.rsplit(".", 1)[-1], _rank(reference.static.host), location)
        return Held("the lock", 0, location)

    def _touch(self, place: Field, held: tuple[Held, ...]) -> None:
        """Note the use of a field that is guarded."""
        owner = place.base.type
        lock = _guards(owner.cls).get(place.name) if isinstance(owner, StructType) else None
        if lock is not None and not isinstance(place.type, AtomicType) and not self._is_private(place.base):
            self.body.touched.append(Touched(place, f"{owner}.{lock}", held, _owner(place.base)))

    def _is_private(self, reference: Expression) -> bool:
        """Whether a reference is to a `local()` of this function: no other processor sees that (escapes.py)."""
        if isinstance(reference, ReadLocal):
            values = [value for local, value in self.body.assigned if local is reference.local]
            return bool(values) and all(isinstance(value, Construct) and self._is_private(value) for value in values)
        return isinstance(reference, Construct) and isinstance(reference.address, StackStorage)

    def _private_locks(self, call: AnyCall) -> tuple[str, ...]:
        """The locks of the structs on the stack that a call hands down."""
        found = []
        for argument in call.arguments:
            owner = argument.type
            if isinstance(owner, StructType) and (guards := _guards(owner.cls)) and self._is_private(argument):
                found += [f"{owner}.{lock}" for lock in dict.fromkeys(guards.values())]
        return tuple(found)

    def _node(self, root: Any, held: tuple[Held, ...]) -> None:
        """A statement or an expression, with all in it."""
        body = self.body
        waiting = [root]
        while waiting:
            node = waiting.pop()
            kind: Any = type(node)
            if kind in (Call, CallInterface, CallValue):
                body.calls.append(Made(node, held, self._private_locks(node)))
            elif kind is Field:
                self._touch(node, held)
            elif kind is Assign or kind is Let:
                body.assigned.append((node.local, node.value))
            elif kind is Store:
                body.stored.append((node.place, node.value))
            elif kind is Return and node.value is not None:
                body.returned.append(node.value)
            elif kind is FunctionAddress:
                body.addresses.append(node.function)
            parts = _parts(kind)
            for name in parts.expressions:
                part = getattr(node, name)
                if type(part) is list:
                    waiting.extend(part)
                elif part is not None:
                    waiting.append(part)
            for name in parts.blocks:
                for part in getattr(node, name) or ():
                    if isinstance(part, (Case, Handler)):
                        self.statements(part.body, held)
                    else:
                        self.statements(getattr(node, name), held)
                        break


def _owner(reference: Expression) -> Owner:
    if isinstance(reference, ReadLocal):
        return reference.local
    return reference.static if isinstance(reference, StaticAddress) else None


class _Parts(NamedTuple):
    """The attributes of a kind of node that hold expressions or places, and those that hold statements."""

    expressions: tuple[str, ...]
    blocks: tuple[str, ...]


@functools.cache
def _parts(kind: Any) -> _Parts:
    named = [(entry.name, str(entry.type)) for entry in fields(kind)]
    blocks = ("list[Statement]", "list[Statement] | None", "list[Case]", "list[Handler]")
    return _Parts(
        tuple(name for name, type_ in named if "Expression" in type_ or type_ == "Place"),
        tuple(name for name, type_ in named if type_ in blocks),
    )


@functools.cache
def _guards(cls: Any) -> dict[str, str]:
    """The fields of a struct that stand under a spinlock, by name, with the lock's."""
    found: dict[str, str] = {}
    lock = ""
    for name, spec in getattr(cls, "__struct__", {}).items():
        if hasattr(type(spec.default), "__spinlock__"):
            lock = name
        elif lock:
            found[name] = lock
    return found


def _rank(lock: Any) -> int:
    """The rank that a lock of the host was made with."""
    return int(getattr(lock, "rank", 0))
