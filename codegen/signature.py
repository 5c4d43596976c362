"""What a function takes and gives, read once from its annotations; generic types still open."""

from __future__ import annotations

import ast
import types as python_types
from dataclasses import dataclass
from typing import Any

from codegen.diagnostics import refuse
from codegen.resolve import MISSING, Annotations, IteratorOf, has_variables, is_struct
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
    made_by_call = dict(zip([entry.arg for entry in named][::-1], arguments.defaults[::-1], strict=False))
    if ignores_rest:
        named = named[:1]
    parameters = []
    for index, entry in enumerate(named):
        if entry.annotation is not None:
            type_ = annotations.type(entry.annotation)
        elif index == 0 and owner is not None:
            type_ = owner
        else:
            raise refuse(
                source.location(entry), f"the parameter {entry.arg} has no type", f"annotate it: {entry.arg}: u32"
            )
        if isinstance(type_, (ArrayType, AtomicType)):
            assert entry.annotation is not None
            raise refuse(
                source.location(entry.annotation),
                f"{type_} is a place inside a struct, not a value",
                "take a Slice, or the struct that holds it",
            )
        _refuse_own_default(source, entry.arg, made_by_call.get(entry.arg))
        parameters.append(Parameter(entry.arg, type_, defaults.get(entry.arg, MISSING), entry))
    if node.returns is None:
        raise refuse(source.name_location, f"{node.name} has no result type", f"annotate it: {_result_hint(node)}")
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


def _refuse_own_default(source: FunctionSource, name: str, default: ast.expr | None) -> None:
    """Refuse an object made for a default: as in Python, all calls would share the one."""
    if isinstance(default, ast.List | ast.Dict | ast.Set):
        message = f"the default of {name} would be one {type(default).__name__.lower()}, shared by all calls"
        raise refuse(source.location(default), message, "take a Slice, or the struct that holds the elements")
    if isinstance(default, ast.Call) and isinstance(default.func, ast.Name):
        made = source.module.module.__dict__.get(default.func.id)
        if is_struct(made):
            message = f"the default of {name} would be one {default.func.id}, shared by all calls"
            hint = f"make it where it is needed: {name} = local({default.func.id}); or give a static by its name"
            raise refuse(source.location(default), message, hint)


def _result_hint(node: ast.FunctionDef) -> str:
    gives = any(isinstance(each, ast.Return) and each.value is not None for each in ast.walk(node))
    return "-> u32, or whatever it returns" if gives else "-> None"
