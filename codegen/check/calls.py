"""Calls: of functions, methods, interfaces, function values, and of the generics that they instantiate."""

from __future__ import annotations

import ast
import sys
import types as python_types
from typing import TYPE_CHECKING, Any

from codegen.check import access, atomics, construct, intrinsics, text
from codegen.check.convert import coerce, describe, known_type, materialise
from codegen.check.errors import ANY, Site
from codegen.check.values import AtomicMethod, BoundMethod, GeneratorCall, HostValue, Value
from codegen.lang.numbers import IntType
from codegen.resolve import (
    MISSING,
    Bindings,
    IteratorOf,
    TypeOf,
    TypeVariable,
    has_variables,
    host_type,
    is_struct,
    look_up,
    substitute,
    type_parameters,
)
from codegen.signature import Parameter, Signature, signature_of
from codegen.source import module_source
from codegen.tree import (
    Call,
    CallInterface,
    CallValue,
    Expression,
    Function,
    Location,
)
from codegen.types import (
    EmbeddedType,
    FunctionType,
    NeverType,
    OptionalType,
    SliceType,
    StructType,
    TupleType,
    Type,
)

if TYPE_CHECKING:
    from codegen.check.function import Checker

Argument = ast.expr | Value
Keywords = list[tuple[str, Argument]]


def call(f: Checker, node: ast.Call, expected: Type | None) -> Value:
    keywords: Keywords = []
    for keyword in node.keywords:
        if keyword.arg is None:
            raise f.refuse(keyword.value, "unpacking with ** cannot be compiled", "name each argument")
        keywords.append((keyword.arg, keyword.value))
    callee = f.expression(node.func)
    return invoke(f, node, callee, list(node.args), keywords, expected)


def invoke(
    f: Checker, node: ast.expr, callee: Value, arguments: list[Any], keywords: Keywords, expected: Any = None
) -> Value:
    """Call `callee`; the arguments are syntax, or values that are checked already."""
    if isinstance(callee, HostValue) and not is_struct(type(callee.object)):
        return _call_host(f, node, callee, arguments, keywords, expected)
    if isinstance(callee, BoundMethod):
        if callee.interface is not None:
            return _call_interface(f, node, callee, arguments, keywords)
        struct = callee.owner
        bindings: Bindings = {}
        if isinstance(struct, StructType):
            bindings = dict(zip(type_parameters(struct.cls), struct.arguments, strict=True))
        all_arguments = [callee.receiver, *arguments]
        return call_function(f, node, callee.function, struct, bindings, all_arguments, keywords, expected)
    if isinstance(callee, AtomicMethod):
        return atomics.call_atomic(f, node, callee, arguments, keywords)
    tree = materialise(f, callee)
    if isinstance(tree.type, FunctionType):
        return _call_value(f, node, tree, arguments, keywords)
    if isinstance(tree.type, StructType):
        if getattr(tree.type.cls, "__text_sink__", False):
            return text.call_sink(f, node, tree, arguments)
        if "__call__" in vars(tree.type.cls):
            method = access.attribute_of(f, node, tree, "__call__")
            return invoke(f, node, method, arguments, keywords, expected)
    hint = "test it for None first" if isinstance(tree.type, OptionalType) else ""
    raise f.refuse(node, f"{tree.type} cannot be called", hint)


def _call_host(
    f: Checker, node: ast.expr, callee: HostValue, arguments: list[Any], keywords: Keywords, expected: Any
) -> Value:
    found = callee.object
    handler = intrinsics.handler_of(found)
    if handler is not None:
        return handler(f, intrinsics.Request(node, f.at(node), arguments, dict(keywords), expected))
    if isinstance(found, python_types.FunctionType) and getattr(found, "__comptime__", False):
        return _fold(f, node, found, arguments, keywords)
    if is_of_python_alone(found):
        hint = "import only codegen.lang and kernel modules; the rest of Python runs at module level, or in @comptime"
        name = ast.unparse(node.func) if isinstance(node, ast.Call) else found.__name__
        raise f.refuse(node, f"{name} is Python's own, and cannot be compiled", hint)
    if isinstance(found, python_types.FunctionType):
        owner = owner_of(found)
        return call_function(f, node, found, owner, {}, arguments, keywords, expected)
    if isinstance(found, IntType | type | Type):
        return construct.construct_value(f, node, callee, arguments, keywords)
    if isinstance(found, (python_types.BuiltinFunctionType, python_types.MethodType)):
        return _fold(f, node, found, arguments, keywords)
    raise f.refuse(node, f"{describe(callee)} cannot be called")


def is_of_python_alone(found: Any) -> bool:
    """Whether a function is of Python's library, and not one of its built-ins."""
    if not isinstance(found, (python_types.FunctionType, python_types.BuiltinFunctionType)):
        return False
    home = (getattr(found, "__module__", None) or "builtins").partition(".")[0]
    return home != "builtins" and home in sys.stdlib_module_names


def _fold(f: Checker, node: ast.expr, function: Any, arguments: list[Any], keywords: Keywords) -> HostValue:
    """Call a function of the host while compiling."""
    name = getattr(function, "__name__", "this")
    values = []
    for argument in [*arguments, *(value for _, value in keywords)]:
        value = evaluate(f, argument)
        if not isinstance(value, HostValue):
            message = f"{name} runs while compiling, but this argument is known only at run time"
            raise f.refuse(value.location, message)
        values.append(value.object)
    try:
        named = dict(zip([name for name, _ in keywords], values[len(arguments) :], strict=True))
        return HostValue(f.at(node), function(*values[: len(arguments)], **named))
    except Exception as error:
        raise f.refuse(node, f"{name} failed while compiling: {type(error).__name__}: {error}") from error


def evaluate(f: Checker, argument: Argument, expected: Any = None) -> Value:
    """An argument as a value."""
    if isinstance(argument, ast.Starred):
        raise f.refuse(argument, "unpacking with * cannot be compiled", "name each argument")
    return f.expression(argument, expected) if isinstance(argument, ast.expr) else argument


def owner_of(function: python_types.FunctionType) -> Any:
    """The type of the class that a function is defined in, its TypeVars open; None at module level."""
    path = function.__qualname__.split(".")[:-1]
    if not path:
        return None
    found: Any = look_up(module_source(function.__module__), path[0])
    for name in path[1:]:
        found = getattr(found, name, MISSING)
    try:
        return host_type(found)
    except TypeError:
        return None


# Functions --------------------------------------------------------------------------------------


def call_function(
    f: Checker, node: ast.expr, function: Any, owner: Any, bindings: Bindings, arguments: list[Any],
    keywords: Keywords, expected: Any,
) -> Value:  # fmt: skip
    """Call a function with source, instantiated for these arguments."""
    signature = signature_of(function, owner)
    pairs = _match(f, node, signature, arguments, keywords)
    bindings = dict(bindings)
    values: list[Value] = []
    if not signature.is_generic:
        values += [evaluate(f, argument, parameter.type) for parameter, argument in pairs]
    else:
        for parameter, argument in pairs:
            wanted = substitute(parameter.type, bindings)
            values.append(evaluate(f, argument, None if has_variables(wanted) else wanted))
            unify_value(parameter.type, values[-1], bindings)
        _infer_rest(f, node, signature, values, bindings, expected)
    parameters = [parameter for parameter, _ in pairs]
    if signature.is_generator:
        given = [_generator_argument(f, p, v, bindings) for p, v in zip(parameters, values, strict=True)]
        named = [(parameter.name, value) for parameter, value in zip(parameters, given, strict=True)]
        return GeneratorCall(f.at(node), function, owner, bindings, named)
    constants: list[tuple[str, HostValue]] = []
    trees = []
    for parameter, value in zip(parameters, values, strict=True):
        if isinstance(parameter.type, TypeOf):
            type_ = substitute(parameter.type, bindings).inner
            constants.append((parameter.name, HostValue(value.location, type_)))
        else:
            trees.append(coerce(f, value, substitute(parameter.type, bindings)))
    instance = f.program.instance(function, owner, bindings, constants, f.at(node))
    return emit_call(f, f.at(node), instance, trees)


def _generator_argument(f: Checker, parameter: Parameter, value: Value, bindings: Bindings) -> Any:
    if isinstance(value, HostValue):
        return value
    return coerce(f, value, substitute(parameter.type, bindings))


def _match(
    f: Checker, node: ast.expr, signature: Signature, arguments: list[Any], keywords: Keywords
) -> list[tuple[Parameter, Any]]:
    """Each parameter with its argument: by position, by name, or its default."""
    name = signature.source.node.name
    parameters = signature.parameters
    if len(arguments) > len(parameters):
        extra = arguments[len(parameters)]
        message = f"{name} takes {len(parameters)} arguments, {len(arguments)} are given"
        raise f.refuse(extra if isinstance(extra, ast.AST) else node, message)
    by_name = dict(keywords)
    pairs = list(zip(parameters, arguments, strict=False))
    for parameter in parameters[len(arguments) :]:
        if parameter.name in by_name:
            pairs.append((parameter, by_name.pop(parameter.name)))
        elif parameter.default is not MISSING:
            pairs.append((parameter, HostValue(f.at(node), parameter.default)))
        else:
            raise f.refuse(node, f"{name} lacks the argument {parameter.name}: {parameter.type}")
    for unknown, argument in by_name.items():
        raise f.refuse(argument if isinstance(argument, ast.AST) else node, f"{name} has no parameter {unknown}")
    return pairs


def _infer_rest(
    f: Checker, node: ast.expr, signature: Signature, values: list[Value], bindings: Bindings, expected: Any
) -> None:
    """Bind what the arguments left open: from the wanted result, then literals as u64."""
    if expected is not None:
        unify(signature.result, expected, bindings)
    for parameter, value in zip(signature.parameters, values, strict=True):
        type_ = parameter.type
        if isinstance(type_, TypeVariable) and type_.variable not in bindings:
            bindings[type_.variable] = materialise(f, value).type
    for parameter, value in zip(signature.parameters, values, strict=True):
        wanted = substitute(parameter.type, bindings)
        if isinstance(wanted, TypeOf) and has_variables(wanted.inner):
            raise f.refuse(value.location, f"{describe(value)} is not a type", "give a type: u32, a unit, a struct")
        if has_variables(wanted) and not isinstance(wanted, TypeOf):
            raise f.refuse(value.location, f"{describe(value)} where {parameter.type} is wanted")


def unify_value(pattern: Any, value: Value, bindings: Bindings) -> None:
    """Bind the TypeVars of a parameter by its argument."""
    if isinstance(pattern, TypeOf):
        if isinstance(value, HostValue):
            try:
                unify(pattern.inner, host_type(value.object), bindings)
            except TypeError:
                return
        return
    if isinstance(value, HostValue) and isinstance(value.object, python_types.FunctionType):
        signature = signature_of(value.object, owner_of(value.object))
        types = tuple(parameter.type for parameter in signature.parameters)
        unify(pattern, FunctionType(types, signature.result, signature.fallible), bindings)
        return
    actual = known_type(value)
    if actual is not None:
        unify(pattern, actual, bindings)


def unify(pattern: Any, actual: Any, bindings: Bindings) -> None:
    """Bind the TypeVars of `pattern` so that it becomes `actual`, as far as the two have one shape."""
    match pattern, actual:
        case TypeVariable(variable), _:
            if not isinstance(actual, (NeverType, TypeVariable)):
                bindings.setdefault(variable, actual)
        case OptionalType(inner), OptionalType(other):
            unify(inner, other, bindings)
        case OptionalType(inner), _:
            unify(inner, actual, bindings)
        case SliceType(element, _), SliceType(other, _):
            unify(element, other.struct if isinstance(other, EmbeddedType) else other, bindings)
        case StructType(cls, arguments), StructType(other_cls, others) if cls is other_cls:
            for argument, other in zip(arguments, others, strict=True):
                unify(argument, other, bindings)
        case TupleType(elements), TupleType(others) if len(elements) == len(others):
            for element, other in zip(elements, others, strict=True):
                unify(element, other, bindings)
        case FunctionType(parameters, result, _), FunctionType(others, other_result, _):
            for parameter, other in zip(parameters, others, strict=False):
                unify(parameter, other, bindings)
            unify(result, other_result, bindings)
        case IteratorOf(inner), IteratorOf(other):
            unify(inner, other, bindings)


def emit_call(f: Checker, where: Location, function: Function, arguments: list[Expression]) -> Call:
    """A direct call; noted as a place that can fail when the function can."""
    if function.fallible:
        add_site(f, where, function)
    return Call(where, function.result, function, arguments)


def add_site(f: Checker, where: Location, source: Any) -> None:
    f.sites.append(Site(where, source, tuple(f.catching)))


# Interfaces and function values -------------------------------------------------------------------


def _call_interface(f: Checker, node: ast.expr, callee: BoundMethod, arguments: list[Any], keywords: Keywords) -> Value:
    assert callee.interface is not None
    signature = signature_of(callee.function, callee.interface)
    pairs = _match(f, node, signature, [callee.receiver, *arguments], keywords)[1:]
    trees = [coerce(f, evaluate(f, argument, p.type), p.type) for p, argument in pairs]
    interface = f.program.interface(callee.interface.cls)
    slot = interface.first_slot + interface.methods.index(callee.function.__name__)
    types = [parameter.type for parameter, _ in pairs]
    where = f.at(node)
    made = CallInterface(where, signature.result, callee.receiver, interface, slot, trees, signature.fallible, types)
    f.program.interface_calls.append(made)
    if signature.fallible:
        add_site(f, where, made)
    return made


def _call_value(f: Checker, node: ast.expr, tree: Expression, arguments: list[Any], keywords: Keywords) -> Value:
    type_ = tree.type
    assert isinstance(type_, FunctionType)
    if keywords or len(arguments) != len(type_.parameters):
        raise f.refuse(node, f"{type_} takes {len(type_.parameters)} arguments, by position")
    pairs = zip(arguments, type_.parameters, strict=True)
    trees = [coerce(f, evaluate(f, argument, parameter), parameter) for argument, parameter in pairs]
    if type_.fallible:
        add_site(f, f.at(node), ANY)
    return CallValue(f.at(node), type_.result, tree, trees, type_.fallible)
