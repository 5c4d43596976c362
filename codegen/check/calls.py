"""Calls: of functions, methods, interfaces, function values, and of the generics that they instantiate."""

from __future__ import annotations

import ast
import types as python_types
from typing import TYPE_CHECKING, Any

from codegen.check import access, construct, intrinsics, operators, text
from codegen.check.convert import coerce, describe, known_type, materialise
from codegen.check.errors import ANY, Site
from codegen.check.values import AtomicMethod, BoundMethod, GeneratorCall, HostValue, PlaceValue, Value
from codegen.lang import Order
from codegen.lang.numbers import IntType
from codegen.resolve import (
    MISSING,
    Bindings,
    IteratorOf,
    Parameter,
    Signature,
    TypeOf,
    TypeVariable,
    has_variables,
    host_type,
    is_struct,
    look_up,
    signature_of,
    substitute,
    type_parameters,
)
from codegen.source import module_source
from codegen.tree import (
    Atomic,
    AtomicOperator,
    Binary,
    BinaryOperator,
    Call,
    CallInterface,
    CallValue,
    CompareOperator,
    Expression,
    Function,
    IsInstance,
    Let,
    Local,
    Location,
    Logical,
    ReadLocal,
    Unary,
    UnaryOperator,
)
from codegen.types import (
    BOOL,
    U64,
    VOID,
    AtomicType,
    EmbeddedType,
    EnumType,
    FunctionType,
    InterfaceType,
    NeverType,
    OptionalType,
    SliceType,
    StructType,
    TupleType,
    Type,
)

if TYPE_CHECKING:
    from codegen.check.expressions import Condition
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
        return _call_atomic(f, node, callee, arguments, keywords)
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
    if isinstance(found, python_types.FunctionType):
        if getattr(found, "__comptime__", False):
            return _fold(f, node, found, arguments, keywords)
        owner = owner_of(found)
        return call_function(f, node, found, owner, {}, arguments, keywords, expected)
    if isinstance(found, (IntType, type)) or isinstance(found, Type):
        return construct.construct_value(f, node, callee, arguments, keywords)
    if isinstance(found, (python_types.BuiltinFunctionType, python_types.MethodType)):
        return _fold(f, node, found, arguments, keywords)
    raise f.refuse(node, f"{describe(callee)} cannot be called")


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
    for parameter, argument in pairs:
        wanted = substitute(parameter.type, bindings)
        values.append(evaluate(f, argument, None if has_variables(wanted) else wanted))
        if signature.is_generic:
            unify_value(parameter.type, values[-1], bindings)
    if signature.is_generic:
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


def _call_interface(
    f: Checker, node: ast.expr, callee: BoundMethod, arguments: list[Any], keywords: Keywords
) -> Value:
    assert callee.interface is not None
    signature = signature_of(callee.function, callee.interface)
    pairs = _match(f, node, signature, [callee.receiver, *arguments], keywords)[1:]
    trees = [coerce(f, evaluate(f, argument, p.type), p.type) for p, argument in pairs]
    interface = f.program.interface(callee.interface.cls)
    slot = interface.first_slot + interface.methods.index(callee.function.__name__)
    types = [parameter.type for parameter, _ in pairs]
    where = f.at(node)
    made = CallInterface(
        where, signature.result, callee.receiver, interface, slot, trees, signature.fallible, types
    )
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


# Atomics ----------------------------------------------------------------------------------------

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


def _call_atomic(
    f: Checker, node: ast.expr, callee: AtomicMethod, arguments: list[Any], keywords: Keywords
) -> Value:
    operator, count = _ATOMIC[callee.name]
    type_ = callee.place.type
    assert isinstance(type_, AtomicType)
    named = dict(keywords)
    order = named.pop("order", None) or (arguments.pop() if len(arguments) == count + 1 else None)
    if len(arguments) != count or named:
        raise f.refuse(node, f"{callee.name} takes {count} values and an order")
    operands = [coerce(f, evaluate(f, argument, type_.inner), type_.inner) for argument in arguments]
    chosen = Order.SEQ_CST
    if order is not None:
        value = evaluate(f, order)
        if not isinstance(value, HostValue) or not isinstance(value.object, Order):
            raise f.refuse(value.location, "the order is a constant: Order.ACQUIRE")
        chosen = value.object
    results = {AtomicOperator.STORE: VOID, AtomicOperator.COMPARE_EXCHANGE: BOOL}
    return Atomic(f.at(node), results.get(operator, type_.inner), operator, callee.place, operands, chosen)


# isinstance and in --------------------------------------------------------------------------------


def isinstance_test(f: Checker, node: ast.Call) -> Condition:
    from codegen.check.expressions import Condition, _narrowed

    subject, classes = f.expression(node.args[0]), f.expression(node.args[1])
    if not isinstance(classes, HostValue):
        raise f.refuse(node.args[1], "the class of an isinstance is a constant")
    if isinstance(subject, HostValue) and not is_struct(type(subject.object)):
        return Condition(isinstance(subject.object, classes.object), {}, {})
    tree = materialise(f, subject)
    options = classes.object if isinstance(classes.object, tuple) else (classes.object,)
    result: Expression | bool = False
    for cls in options:
        test = is_instance(f, node.args[1], tree, cls)
        if test is True or result is True:
            result = True
        elif test is not False:
            result = test if isinstance(result, bool) else Logical(f.at(node), BOOL, False, result, test)
    known = {}
    if len(options) == 1 and is_struct(options[0]):
        known = _narrowed(f, node.args[0], StructType(options[0]))
    return Condition(result, known, {})


def is_instance(f: Checker, node: ast.AST, tree: Expression, cls: Any) -> Expression | bool:
    """Whether a reference is to a struct of class `cls`."""
    type_ = tree.type
    if isinstance(type_, StructType):
        return issubclass(type_.cls, cls)
    if not isinstance(type_, InterfaceType):
        hint = "test it for None first" if isinstance(type_, OptionalType) else ""
        raise f.refuse(tree.location, f"isinstance asks a reference to an interface, not {type_}", hint)
    if not is_struct(cls) or not issubclass(cls, type_.cls):
        name = getattr(cls, "__name__", str(cls))
        raise f.refuse(node, f"{name} is not a struct that implements {type_}")
    return IsInstance(f.at(node), BOOL, tree, f.program.vtable(StructType(cls)))


def contains(f: Checker, node: ast.Compare, left: Value, right: Value, *, negated: bool) -> Value:
    """`left in right`: of flags, of a tuple of constants, of a struct with `__contains__`."""
    where = f.at(node)
    if isinstance(left, HostValue) and isinstance(right, HostValue) and not is_struct(type(right.object)):
        return HostValue(where, (left.object in right.object) != negated)
    if isinstance(right, HostValue) and isinstance(right.object, (tuple, bytes, frozenset)):
        result = _one_of(f, where, left, [HostValue(where, item) for item in right.object])
    else:
        tree = materialise(f, right)
        if isinstance(tree.type, EnumType) and tree.type.is_flag:
            result = _flag_in(f, where, coerce(f, left, tree.type), tree)
        elif isinstance(tree.type, StructType) and hasattr(tree.type.cls, "__contains__"):
            method = access.attribute_of(f, node, tree, "__contains__")
            result = coerce(f, invoke(f, node, method, [left], []), BOOL)
        else:
            raise f.refuse(node, f"`in` cannot search {tree.type}", "write a loop")
    return Unary(where, BOOL, UnaryOperator.NOT, result) if negated else result


def _one_of(f: Checker, where: Location, left: Value, items: list[HostValue]) -> Expression:
    tree = materialise(f, left)
    local = Local("searched", tree.type)
    read = ReadLocal(where, tree.type, local)
    tests = [operators.comparison(f, where, CompareOperator.EQUAL, read, item) for item in items]
    result: Expression = coerce(f, HostValue(where, False), BOOL)
    for test in reversed(tests):
        result = test if test is tests[-1] else Logical(where, BOOL, False, test, result)
    return Let(where, BOOL, local, tree, result)


def _flag_in(f: Checker, where: Location, flag: Expression, value: Expression) -> Expression:
    local = Local("flag", flag.type)
    read = ReadLocal(where, flag.type, local)
    both = Binary(where, value.type, BinaryOperator.AND, value, read)
    test = operators.comparison(f, where, CompareOperator.EQUAL, both, read)
    return Let(where, BOOL, local, flag, test)


__all__ = ["U64", "add_site", "call", "call_function", "emit_call", "evaluate", "invoke", "owner_of", "unify"]
