"""What a function takes and gives, read once from its annotations; generic types still open."""

from __future__ import annotations

import ast
import types as python_types
from dataclasses import dataclass
from typing import Any

from codegen.diagnostics import refuse
from codegen.resolve import MISSING, Annotations, IteratorOf, has_variables
from codegen.source import FunctionSource, function_source
from codegen.types import U64, ArrayType, AtomicType


@dataclass(slots=True)
class Parameter:
    name: str
    type: Any
    default: object
    node: ast.arg


@dataclass(slots=True)
class Signature:
    """What a function takes and gives, generic types still open."""

    source: FunctionSource
    parameters: list[Parameter]
    result: Any
    fallible: bool
    is_generator: bool
    is_generic: bool


_signatures: dict[tuple[Any, Any], Signature] = {}


def signature_of(function: python_types.FunctionType, owner: Any = None) -> Signature:
    """The signature of a function; `owner` is the type of an un-annotated `self`."""
    key = (function, owner)
    found = _signatures.get(key)
    if found is None:
        found = _signatures[key] = _read_signature(function, owner)
    return found


def _read_signature(function: python_types.FunctionType, owner: Any) -> Signature:
    source = function_source(function)
    node = source.node
    annotations = Annotations(source.module, function.__qualname__)
    arguments = node.args
    ignores_rest = node.name == "__exit__"
    if (arguments.vararg or arguments.kwarg) and not ignores_rest:
        bad = arguments.vararg or arguments.kwarg
        assert bad is not None
        raise refuse(source.location(bad), "*args and **kwargs cannot be compiled", "name each parameter")
    named = [*arguments.posonlyargs, *arguments.args, *([] if ignores_rest else arguments.kwonlyargs)]
    defaults = dict(zip([entry.arg for entry in named][::-1], (function.__defaults__ or ())[::-1], strict=False))
    defaults.update(function.__kwdefaults__ or {})
    if ignores_rest:
        named = named[:1]
    parameters = []
    for index, entry in enumerate(named):
        if entry.annotation is not None:
            type_ = annotations.type(entry.annotation)
        elif index == 0 and owner is not None:
            type_ = owner
        else:
            raise refuse(source.location(entry), f"the parameter {entry.arg} has no type", "annotate it")
        if isinstance(type_, (ArrayType, AtomicType)):
            assert entry.annotation is not None
            raise refuse(
                source.location(entry.annotation),
                f"{type_} is a place inside a struct, not a value",
                "take a Slice, or the struct that holds it",
            )
        parameters.append(Parameter(entry.arg, type_, defaults.get(entry.arg, MISSING), entry))
    if node.returns is None:
        raise refuse(source.name_location, f"{node.name} has no result type", "annotate it: -> None")
    if node.name == "__len__":
        result: Any = U64  # `-> int` is what mypy wants of it
    else:
        result = annotations.type(node.returns)
    return Signature(
        source,
        parameters,
        result,
        annotations.is_fallible(node.returns),
        isinstance(result, IteratorOf),
        any(has_variables(parameter.type) for parameter in parameters) or has_variables(result),
    )
