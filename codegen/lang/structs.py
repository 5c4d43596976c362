"""Structs: mutable objects with an address, and the ways to write their fields."""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
import types
import typing
from collections.abc import Callable
from enum import Enum
from functools import cache
from typing import Any, TypeVar, overload

from codegen.lang.enums import PackedValue
from codegen.lang.memory import host_memory
from codegen.lang.numbers import IntType, Unit
from codegen.lang.slices import Array, HostArray
from codegen.lang.traps import Panic, TrapKind
from codegen.syntax import syntax_of

C = TypeVar("C")
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_UNSET = object()


class FieldSpec:
    """How a field was written: kind is value, reference, inline, array, inline_array or register."""

    def __init__(self, kind: str, default: Any = _UNSET, count: int = 0, offset: int | None = None) -> None:
        self.kind = kind
        self.default = default
        self.count = count
        self.offset = offset
        self.name = ""
        self.owner: Any = None
        self.annotation: Any = None


class FieldReference:
    """`Thread.run_link`: names a field of a class; stands for its byte offset."""

    def __init__(self, owner: Any, name: str) -> None:
        self.owner = owner
        self.name = name

    def __repr__(self) -> str:
        return f"{self.owner.__name__}.{self.name}"


def uninitialised() -> Any:
    """A reference field that is set before it is first read; reading it earlier traps."""
    return FieldSpec("reference")


def array(count: int) -> Any:
    """A fixed array of ints, packed values, units, enums or references, all zero at first."""
    return FieldSpec("array", count=count)


def inline_array(count: int) -> Any:
    """A fixed array of embedded structs."""
    return FieldSpec("inline_array", count=count)


def static_array(kind: type[T], count: int) -> Array[T]:
    """A module-level array of `count` zero ints, packed values, units, enums or None references."""
    return HostArray(kind, [_zero_of(kind)] * count)


def register(offset: int) -> Any:
    """A device register at byte `offset`: every access happens, in order."""
    return FieldSpec("register", 0, offset=offset)


def at(offset: int) -> Any:
    """A plain field at a fixed byte `offset`, zero at first."""
    return FieldSpec("value", 0, offset=offset)


@overload
def inline() -> Any: ...
@overload
def inline(template: T) -> T: ...
def inline(template: Any = None) -> Any:
    """A field embedded by value, like `template` at first; or, above a function, a wish to inline it."""
    if isinstance(template, (types.FunctionType, staticmethod)):
        template.__inline__ = True  # type: ignore[union-attr]
        return template
    return FieldSpec("inline", template)


class Field:
    """The descriptor that replaces a field of a struct class on the host."""

    def __init__(self, spec: FieldSpec) -> None:
        self.spec = spec

    def __get__(self, instance: Any, owner: Any) -> Any:
        if instance is None:
            return FieldReference(owner, self.spec.name)
        value = vars(instance).get(self.spec.name, _UNSET)
        if value is _UNSET:
            raise Panic(TrapKind.NULL, f"{self.spec.owner.__name__}.{self.spec.name} is not set")
        return value

    def __set__(self, instance: Any, value: Any) -> None:
        if self.spec.kind in ("inline", "array", "inline_array"):
            raise TypeError(f"{self.spec.name} is embedded: it cannot be replaced")
        if isinstance(value, FieldReference):
            vars(instance)[self.spec.name] = value
            return
        kind = field_type(self.spec)
        if isinstance(kind, IntType):
            value = kind(value)
        elif isinstance(kind, type) and issubclass(kind, Unit) and not isinstance(value, kind):
            if int(value) != 0:
                raise TypeError(f"{self.spec.name}: {kind.__name__} wanted, got {value!r}")
            value = kind(value)
        vars(instance)[self.spec.name] = value


class _UnknownNames(dict[str, Any]):
    """Names of modules that are not imported yet stand for Any, so that `List[Later]` is a List."""

    def __init__(self, known: dict[str, Any]) -> None:
        super().__init__()
        self.known = known

    def __missing__(self, name: str) -> Any:
        if name in self.known or hasattr(builtins, name):
            raise KeyError(name)
        return Any


def field_type(spec: FieldSpec) -> Any:
    """The declared type of a field, resolved in the namespace of its module as far as that is imported."""
    if isinstance(spec.annotation, str):
        names = namespace_of(spec.owner)
        try:
            spec.annotation = eval(spec.annotation, names)
        except NameError:
            return eval(spec.annotation, names, _UnknownNames(names))
        except TypeError:
            return None
    return spec.annotation


_namespaces: dict[str, dict[str, Any]] = {}


def namespace_of(cls: Any) -> dict[str, Any]:
    """The globals of the class's module, with what it imports for type checkers only."""
    module = sys.modules[cls.__module__]
    extra = _namespaces.get(cls.__module__)
    if extra is None:
        extra = {}
        modules, for_checkers = _imports_of(module)
        for origin, name, known_as in for_checkers:
            source = sys.modules.get(origin)
            if source is not None and hasattr(source, name):
                extra[known_as] = getattr(source, name)
        if all(name in sys.modules for name in modules):
            _namespaces[cls.__module__] = extra
    return {**vars(module), **extra}


@cache
def _imports_of(module: types.ModuleType) -> tuple[list[str], list[tuple[str, str, str]]]:
    """The modules that a module imports from; and (module, name there, name here) of its imports for type checkers."""
    try:
        body = syntax_of(module).body
    except OSError:
        return [], []
    checking = [
        entry
        for node in body
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for entry in node.body
    ]
    found = [node for node in (*body, *checking) if isinstance(node, ast.ImportFrom) and node.module]
    names = [
        (str(node.module), name.name, name.asname or name.name)
        for node in found
        if node in checking
        for name in node.names
    ]
    return [str(node.module) for node in found], names


def _zero_of(kind: Any) -> Any:
    if isinstance(kind, IntType):
        return 0
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(0) if any(member.value == 0 for member in kind) else 0
    if isinstance(kind, type) and issubclass(kind, PackedValue):
        return kind()
    if isinstance(kind, type) and issubclass(kind, Unit):
        return kind(0)
    if kind is bool:
        return False
    return None


def _embedded(annotation: Any) -> Any:
    """A new instance of the embedded class that `annotation` names, type arguments noted."""
    cls = typing.get_origin(annotation) or annotation
    made = cls()
    made.__type_arguments__ = typing.get_args(annotation)
    return made


def _generic_of(spec: FieldSpec) -> Any:
    """The class of an embedded generic whose type argument is not imported yet: `List` of `List[Later]`."""
    return eval(spec.annotation.partition("[")[0], namespace_of(spec.owner))


def _initial(spec: FieldSpec) -> Any:
    if spec.kind == "inline":
        if spec.default is not None:
            return clone(spec.default)
        return _embedded(field_type(spec) or _generic_of(spec))
    if spec.kind in ("array", "inline_array"):
        arguments = typing.get_args(field_type(spec)) or (None,)
        if spec.kind == "array":
            return HostArray(arguments[0], [_zero_of(arguments[0])] * spec.count)
        return HostArray(arguments[0], [_embedded(arguments[0]) for _ in range(spec.count)])
    if isinstance(spec.default, int) and not isinstance(spec.default, (bool, Enum)) and spec.default == 0:
        return 0
    return spec.default


def clone(template: Any) -> Any:
    """A new struct like `template`: how an `inline(template)` field begins."""
    made = object.__new__(type(template))
    specs: dict[str, FieldSpec] = getattr(type(template), "__struct__", {})  # an Atomic has none
    for name, value in vars(template).items():
        spec = specs.get(name)
        vars(made)[name] = value if spec is None else _clone_field(spec, value)
    return made


def _clone_field(spec: FieldSpec, value: Any) -> Any:
    if spec.kind == "inline":
        return clone(value)
    if spec.kind == "array":
        return HostArray(value.kind, list(value.cells))
    if spec.kind == "inline_array":
        return HostArray(value.kind, [clone(element) for element in value.cells])
    return value


def _make_struct(cls: Any, size: int | None, packed: bool) -> Any:
    specs: dict[str, FieldSpec] = {}
    for name, annotation in inspect.get_annotations(cls).items():
        default = cls.__dict__.get(name, _UNSET)
        if default is _UNSET:
            raise TypeError(f"{cls.__name__}.{name}: a field needs an initialiser, or uninitialised()")
        spec = default if isinstance(default, FieldSpec) else FieldSpec("value", default)
        spec.name, spec.owner, spec.annotation = name, cls, annotation
        specs[name] = spec
        setattr(cls, name, Field(spec))
    host_init = cls.__dict__.get("__init__")

    def initialise(self: Any, *arguments: Any, **named: Any) -> None:
        for spec in specs.values():
            if spec.kind != "reference":
                vars(self)[spec.name] = _initial(spec)
        if host_init is not None:
            host_init(self, *arguments, **named)
        elif arguments or named:
            raise TypeError(f"{cls.__name__} takes no arguments: set its fields, or give it an __init__")

    cls.__init__ = initialise
    cls.__struct__ = specs
    cls.__struct_size__ = size
    cls.__struct_packed__ = packed
    return cls


@overload
def struct(cls: type[C], /) -> type[C]: ...
@overload
def struct(*, size: int | None = None, packed: bool = False) -> Callable[[type[C]], type[C]]: ...
def struct(cls: Any = None, /, *, size: int | None = None, packed: bool = False) -> Any:
    """Make a class a struct. `size`: its bytes, checked at build; `packed`: without padding."""
    if cls is not None:
        return _make_struct(cls, None, False)
    return lambda decorated: _make_struct(decorated, size, packed)


def local(kind: type[T]) -> T:
    """A new struct on the stack; the reference may not escape the function."""
    return kind()


def construct(kind: type[T], address: int) -> T:
    """A struct made at `address`, its fields at their defaults. Unchecked: heap and machine/ only."""
    made = kind()
    host_memory.place(made, address)
    return made


def reference(kind: type[T], address: int) -> T:
    """The struct that already is at `address`. Unchecked: memory/ and machine/ only."""
    found: T = host_memory.object_at(address)
    return found


def address_of(thing: object) -> int:
    """The address of a struct, or of the first element of a slice. A u64."""
    from codegen.lang.slices import ByteCells, HostSlice

    if isinstance(thing, HostSlice) and isinstance(thing.cells, ByteCells):
        for start, content in host_memory.ranges:
            if content is thing.cells.content:
                return start + thing.cells.offset + thing.start * thing.cells.size
        content = thing.cells.content
        address = host_memory.address_of(content, len(content))
        host_memory.ranges.append((address, content))
        return address + thing.cells.offset + thing.start * thing.cells.size
    return host_memory.address_of(thing)


def size_of(kind: Any) -> int:
    """The bytes that one `kind` takes, a constant."""
    from codegen import layout

    found: int = layout.size_of(kind)
    return found


def align_of(kind: Any) -> int:
    """The alignment of `kind` in bytes, a constant."""
    from codegen import layout

    found: int = layout.align_of(kind)
    return found


def offset_of(kind: Any, field: str) -> int:
    """The byte offset of `field` in struct `kind`, a constant."""
    from codegen import layout

    found: int = layout.offset_of(kind, field)
    return found


def field_offset(link: Any) -> int:
    """The byte offset of the field that `link` names by class attribute (`Thread.run_link`). A u64."""
    offset: int = link
    return offset


def field_at(kind: type[T], owner: object, offset: int) -> T:
    """The embedded `kind` at byte `offset` of struct `owner`; `offset` comes from `field_offset`."""
    named: Any = offset
    if not isinstance(named, FieldReference):
        raise TypeError("field_at takes an offset made by field_offset")
    found: T = getattr(owner, named.name)
    return found
