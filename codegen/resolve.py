"""Names to host objects, and annotations to types.

A name in a function means what it means to CPython: the attribute of its module, or a builtin. Names
imported under `if TYPE_CHECKING:` are looked up in the module that they come from, which permits cycles.
Annotations are read from the syntax tree; CPython never evaluates them.
"""

from __future__ import annotations

import ast
import builtins
import collections.abc
import enum
import importlib
import types as python_types
import typing
from dataclasses import dataclass
from functools import cache
from typing import Any

from codegen import lang
from codegen.diagnostics import refuse
from codegen.lang.enums import PackedValue, enum_width
from codegen.lang.numbers import IntType
from codegen.source import ModuleSource, locate, module_source
from codegen.tree import Location
from codegen.types import (
    BOOL,
    ERROR,
    NEVER,
    USER_SLICE,
    VOID,
    ArrayType,
    AtomicType,
    BitsType,
    EmbeddedType,
    EnumType,
    FunctionType,
    Int,
    InterfaceType,
    OptionalType,
    SliceType,
    StructType,
    TupleType,
    Type,
    UnitType,
)

MISSING = object()
"""What a name that means nothing resolves to."""


@dataclass(frozen=True, slots=True)
class TypeVariable:
    """A TypeVar that has no type yet; it stands only in the signatures of generics."""

    variable: Any

    def __str__(self) -> str:
        return str(self.variable.__name__)


@dataclass(frozen=True, slots=True)
class TypeOf:
    """`type[T]`: a parameter that is a type, known at each call."""

    inner: Any

    def __str__(self) -> str:
        return f"type[{self.inner}]"


@dataclass(frozen=True, slots=True)
class IteratorOf:
    """`Iterator[T]`: the result of a function with `yield`."""

    inner: Any


Bindings = dict[Any, Type]
"""The type that each TypeVar stands for in one instance of a generic."""


def look_up(module: ModuleSource, name: str) -> object:
    """The host object that a module-level name stands for."""
    found = module.module.__dict__.get(name, MISSING)
    if found is not MISSING:
        return found
    entry = module.typing_imports.get(name)
    if entry is not None:
        origin, attribute = entry
        imported = importlib.import_module(origin)
        if not attribute:
            return imported
        found = getattr(imported, attribute, MISSING)
        if found is MISSING:
            try:
                return importlib.import_module(f"{origin}.{attribute}")
            except ModuleNotFoundError:
                return MISSING
        return found
    return getattr(builtins, name, MISSING)


def origin_of(module: ModuleSource, name: str) -> tuple[str, str]:
    """The module that a name is defined in, and its name there, following imports."""
    for _ in range(16):
        entry = module.imports.get(name) or module.typing_imports.get(name)
        if entry is None or name in module.assigned:
            break
        if entry[0].split(".")[0] == "codegen":
            return entry
        try:
            module = module_source(importlib.import_module(entry[0]).__name__)
        except (ImportError, KeyError, OSError):
            return entry
        name = entry[1]
    return module.name, name


class Annotations:
    """Turns the annotations of one module into types, TypeVars replaced by `bindings`."""

    def __init__(self, module: ModuleSource, function: str, bindings: Bindings | None = None) -> None:
        self.module = module
        self.function = function
        self.bindings = bindings or {}

    def at(self, node: ast.AST) -> Location:
        return locate(self.module.file, node, self.function)

    def type(self, node: ast.expr) -> Any:
        """The type that an annotation names."""
        match node:
            case ast.Constant(value=None):
                return VOID
            case ast.Constant(value=str(text)):
                return self.type(ast.copy_location(_relocated(text, node), node))
            case ast.Name(id=name):
                return self._named(node, look_up(self.module, name), name)
            case ast.Attribute():
                return self._named(node, self.host(node), node.attr)
            case ast.BinOp(op=ast.BitOr(), left=left, right=ast.Constant(value=None)):
                return self._optional(left)
            case ast.BinOp(op=ast.BitOr(), left=ast.Constant(value=None), right=right):
                return self._optional(right)
            case ast.Subscript():
                return self._subscript(node)
        raise refuse(self.at(node), "not a type", "use an integer type, a unit, an enum, a struct, a slice")

    def host(self, node: ast.expr) -> Any:
        """The host object that a name or a dotted name stands for."""
        match node:
            case ast.Name(id=name):
                found = look_up(self.module, name)
            case ast.Attribute(value=value, attr=attribute):
                found = getattr(self.host(value), attribute, MISSING)
            case _:
                found = MISSING
        if found is MISSING:
            raise refuse(self.at(node), f"the name {ast.unparse(node)} is not defined")
        return found

    def _named(self, node: ast.expr, found: object, name: str) -> Any:
        if found is MISSING:
            raise refuse(self.at(node), f"the name {name} is not defined")
        if isinstance(found, typing.TypeVar):
            return self.bindings.get(found, TypeVariable(found))
        try:
            type_ = host_type(found)
        except TypeError as error:
            raise refuse(self.at(node), str(error), _type_hint(found)) from None
        if isinstance(type_, StructType) and type_parameters(type_.cls):
            names = ", ".join(parameter.__name__ for parameter in type_parameters(type_.cls))
            raise refuse(self.at(node), f"{name} is generic", f"write {name}[{names}] with its types")
        return substitute(type_, self.bindings) if self.bindings else type_

    def _optional(self, node: ast.expr) -> Type:
        inner = self.type(node)
        if not isinstance(inner, (StructType, InterfaceType, FunctionType, TypeVariable)):
            raise refuse(
                self.at(node),
                f"{inner} | None: only references, interfaces and functions can be None",
                "raise an Errno, or return a tuple with a bool",
            )
        return OptionalType(inner)  # type: ignore[arg-type]

    def _subscript(self, node: ast.Subscript) -> Any:
        origin = self.host(node.value)
        arguments = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if origin is collections.abc.Callable:
            return self._callable(arguments)
        if origin is typing.Annotated or origin is lang.Fallible:
            return self.type(arguments[0])
        if origin is lang.Slice or origin is lang.MutableSlice:
            element = self.type(arguments[0])
            return SliceType(embed(element), mutable=self._original_name(node.value) == "MutableSlice")
        types = [self.type(argument) for argument in arguments]
        if origin is lang.Array:
            return ArrayType(types[0], 0)
        if origin is lang.Atomic:
            return AtomicType(types[0])
        if origin is tuple:
            return TupleType(tuple(types))
        if origin is type:
            return TypeOf(types[0])
        if origin in (collections.abc.Iterator, collections.abc.Iterable):
            return IteratorOf(types[0])
        if is_struct(origin) and len(type_parameters(origin)) == len(types):
            return StructType(origin, tuple(types))
        raise refuse(self.at(node), f"{ast.unparse(node)} is not a type of the kernel language")

    def _original_name(self, node: ast.expr) -> str:
        if isinstance(node, ast.Name):
            return origin_of(self.module, node.id)[1]
        return node.attr if isinstance(node, ast.Attribute) else ""

    def _callable(self, arguments: list[ast.expr]) -> FunctionType:
        if len(arguments) != 2 or not isinstance(arguments[0], ast.List):
            raise refuse(self.at(arguments[0]), "a function type is written Callable[[A, B], R]")
        parameters = tuple(self.type(node) for node in arguments[0].elts)
        return FunctionType(parameters, self.type(arguments[1]), self.is_fallible(arguments[1]))

    def is_fallible(self, node: ast.expr | None) -> bool:
        """Whether an annotation is `Fallible[...]`."""
        return isinstance(node, ast.Subscript) and self.host(node.value) is lang.Fallible


def _relocated(text: str, node: ast.expr) -> ast.expr:
    tree = ast.parse(text, mode="eval").body
    for inner in ast.walk(tree):
        ast.copy_location(inner, node)
    return tree


def _type_hint(found: object) -> str:
    if found is int:
        return "give the width: u64, i32, ..."
    if found is str:
        return 'text is Slice[u8]; formatted text goes to a text sink: log(f"...")'
    if found is float:
        return "there is no floating point: use a scaled integer"
    if found in (list, dict, set):
        return "use a fixed Array field, or an intrusive List"
    return ""


def is_struct(cls: object) -> bool:
    return isinstance(cls, type) and "__struct__" in cls.__dict__


def type_parameters(cls: Any) -> tuple[Any, ...]:
    """The TypeVars of a generic class."""
    return getattr(cls, "__parameters__", ())


def embed(element: Any) -> Any:
    """The element type of a slice or array of `element`s laid side by side."""
    return EmbeddedType(element) if isinstance(element, StructType) else element


@cache
def _class_type(cls: Any) -> Type | None:
    if "__struct__" in cls.__dict__:
        arguments = tuple(TypeVariable(variable) for variable in type_parameters(cls))
        return StructType(cls, arguments)  # type: ignore[arg-type]
    if issubclass(cls, lang.Unit):
        return UnitType(cls, cls.__width__.bits, cls.__width__.signed)
    if issubclass(cls, PackedValue):
        return BitsType(cls, cls.__width__.bits)
    if issubclass(cls, enum.Enum):
        width = enum_width(cls)
        return EnumType(cls, width.bits, width.signed, issubclass(cls, enum.Flag))
    if issubclass(cls, lang.Interface):
        return InterfaceType(cls)
    if issubclass(cls, lang.UserSlice):
        return USER_SLICE
    if issubclass(cls, lang.Errno):
        return ERROR
    return None


def host_type(found: Any) -> Any:
    """The type that a host object stands for when it is used as one. TypeError when it is none."""
    if isinstance(found, IntType):
        return Int(found.bits, found.signed)
    if isinstance(found, type) and not isinstance(found, python_types.GenericAlias):
        if found is bool:
            return BOOL
        if found is type(None):
            return VOID
        type_ = _class_type(found)
        if type_ is not None:
            return type_
    if found is None:
        return VOID
    if found is typing.Never or found is typing.NoReturn:
        return NEVER
    if isinstance(found, typing.TypeVar):
        return TypeVariable(found)
    if isinstance(found, Type):
        return found
    return _alias_type(found)


def _alias_type(found: Any) -> Any:
    origin, arguments = typing.get_origin(found), typing.get_args(found)
    if origin is collections.abc.Callable:
        *parameters, result = arguments
        inner = parameters[0] if parameters and isinstance(parameters[0], list) else parameters
        fallible = bool(getattr(result, "__metadata__", ()))
        return FunctionType(tuple(map(host_type, inner)), host_type(result), fallible)
    if origin is typing.Annotated:
        return host_type(arguments[0])
    if origin in (typing.Union, python_types.UnionType) and len(arguments) == 2 and type(None) in arguments:
        return OptionalType(host_type(next(inner for inner in arguments if inner is not type(None))))
    if origin is tuple:
        return TupleType(tuple(map(host_type, arguments)))
    if is_struct(origin):
        return StructType(origin, tuple(map(host_type, arguments)))
    if origin is lang.Atomic:
        return AtomicType(host_type(arguments[0]))
    if origin is lang.Slice:
        return SliceType(embed(host_type(arguments[0])), mutable=True)
    name = getattr(found, "__name__", None) or repr(found)
    raise TypeError(f"{name} is not a type of the kernel language")


def substitute(type_: Any, bindings: Bindings) -> Any:
    """`type_` with its TypeVariables replaced."""
    match type_:
        case TypeVariable(variable):
            return bindings.get(variable, type_)
        case StructType(cls, arguments) if arguments:
            return StructType(cls, tuple(substitute(argument, bindings) for argument in arguments))
        case OptionalType(inner):
            return OptionalType(substitute(inner, bindings))
        case SliceType(element, mutable):
            return SliceType(embed(substitute(element, bindings)), mutable)
        case EmbeddedType(struct):
            return EmbeddedType(substitute(struct, bindings))
        case ArrayType(element, length):
            return ArrayType(substitute(element, bindings), length)
        case AtomicType(inner):
            return AtomicType(substitute(inner, bindings))
        case TupleType(elements):
            return TupleType(tuple(substitute(element, bindings) for element in elements))
        case FunctionType(parameters, result, fallible):
            return FunctionType(
                tuple(substitute(parameter, bindings) for parameter in parameters),
                substitute(result, bindings),
                fallible,
            )
        case TypeOf(inner):
            return TypeOf(substitute(inner, bindings))
        case IteratorOf(inner):
            return IteratorOf(substitute(inner, bindings))
    return type_


def has_variables(type_: Any) -> bool:
    """Whether a TypeVariable or `type[...]` is left in `type_`."""
    match type_:
        case TypeVariable() | TypeOf():
            return True
        case StructType(_, arguments):
            return any(map(has_variables, arguments))
        case OptionalType(inner) | AtomicType(inner) | IteratorOf(inner):
            return has_variables(inner)
        case SliceType(element, _) | ArrayType(element, _):
            return has_variables(element)
        case EmbeddedType(struct):
            return has_variables(struct)
        case TupleType(elements):
            return any(map(has_variables, elements))
        case FunctionType(parameters, result, _):
            return any(map(has_variables, parameters)) or has_variables(result)
    return False


def field_annotations(cls: Any) -> tuple[ModuleSource, dict[str, ast.AnnAssign]]:
    """The field declarations of a struct or `@bits` class, as written."""
    module = module_source(cls.__module__)
    return module, module.fields.get(cls.__qualname__, {})
