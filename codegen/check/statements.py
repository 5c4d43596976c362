"""Statements: assignment, branches, return, assert; loops, `match` and failure have files of their own."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from codegen.check import access, calls, expressions, failure, intrinsics, loops, matching, operators
from codegen.check.convert import coerce, is_assignable, known_type, materialise
from codegen.check.values import Binding, GeneratorCall, HostValue, Value
from codegen.lang import TrapKind
from codegen.resolve import MISSING, is_struct
from codegen.tree import (
    AddressOf,
    ArraySlice,
    Assign,
    Break,
    Construct,
    Element,
    Evaluate,
    Expression,
    Field,
    If,
    Local,
    MakeSlice,
    Place,
    ReadLocal,
    Return,
    StackStorage,
    Store,
    Subslice,
    TupleElement,
)
from codegen.types import (
    NeverType,
    OptionalType,
    StructType,
    TupleType,
    VoidType,
)

if TYPE_CHECKING:
    from codegen.check.function import Checker


def check_statement(f: Checker, node: ast.stmt) -> None:
    handler = _HANDLERS.get(type(node))
    if handler is None:
        what, hint = _REFUSED.get(type(node), ("this statement", ""))
        raise f.refuse(node, f"{what} cannot be compiled", hint)
    handler(f, node)


def _expression(f: Checker, node: ast.Expr) -> None:
    if isinstance(node.value, ast.Yield):
        loops.check_yield(f, node.value)
        return
    if isinstance(node.value, ast.Constant):
        if node.value.value is Ellipsis:
            raise f.refuse(node, "a body of `...` cannot be compiled", "only Interface methods and externals have it")
        return
    f.alone = node.value
    value = f.expression(node.value)
    if isinstance(value, HostValue):
        return
    if isinstance(value, GeneratorCall):
        raise f.refuse(node, "a function with yield does nothing by itself", "go over it with a for")
    tree = materialise(f, value)
    f.emit(Evaluate(f.at(node), tree))
    if isinstance(tree.type, NeverType):
        f.end_flow()


def _pass(f: Checker, node: ast.stmt) -> None:
    """`pass` does nothing."""


# Assignment -------------------------------------------------------------------------------------


def _assign(f: Checker, node: ast.Assign) -> None:
    if len(node.targets) == 1:
        target = node.targets[0]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            _assign_together(f, target, node.value)
            return
        assign_to(f, target, f.expression(node.value, _wanted(f, target)))
        return
    value = f.settled(materialise(f, f.expression(node.value, _wanted(f, node.targets[0]))))
    for target in node.targets:
        assign_to(f, target, value)


def _wanted(f: Checker, target: ast.expr) -> Any:
    """The type that an assignment target asks for, if it can be told without checking it."""
    if isinstance(target, ast.Name):
        binding = f.state.get(target.id)
        local = binding.local if binding is not None else f.frame.locals.get(target.id)
        return local.type if local is not None else None
    return None


def _assign_together(f: Checker, target: ast.Tuple, value: ast.Tuple) -> None:
    if len(target.elts) != len(value.elts):
        raise f.refuse(value, f"{len(value.elts)} values for {len(target.elts)} names")
    pairs = zip(target.elts, value.elts, strict=True)
    values: list[Value] = []
    for name, element in pairs:
        found = f.expression(element, _wanted(f, name))
        values.append(found if isinstance(found, HostValue) else f.temporary(materialise(f, found)))
    for name, found in zip(target.elts, values, strict=True):
        assign_to(f, name, found)


def assign_to(f: Checker, target: ast.expr, value: Value) -> None:
    """Assign a value to a name, a field, an element, or the parts of a tuple."""
    if isinstance(target, ast.Name):
        assign_name(f, target, value)
    elif isinstance(target, (ast.Tuple, ast.List)):
        _take_apart(f, target, value)
    elif isinstance(target, ast.Attribute) and _set_property(f, target, value):
        return
    elif isinstance(target, (ast.Attribute, ast.Subscript)):
        if isinstance(target, ast.Subscript) and _set_item(f, target, value):
            return
        place = access.place(f, target)
        stored = coerce(f, value, place.type)
        if not (isinstance(place, Field) and is_stack_reference(f, place.base)):
            check_escape(f, target, stored)
        f.emit(Store(f.at(target), place, stored))
    else:
        raise f.refuse(target, "this cannot be assigned to")


def assign_name(f: Checker, node: ast.Name, value: Value) -> None:
    name = node.id
    declared = f.state.get(name)
    existing = declared.local if declared is not None else f.frame.locals.get(name)
    if existing is None and isinstance(value, HostValue):
        if value.object is None:
            hint = f"annotate what it may become: {name}: Thread | None = None"
            raise f.refuse(node, f"{name} has no type yet", hint)
        if _is_constant_only(value):
            f.state[name] = Binding(None, None, value)
            return
    if existing is None or (declared is None and not _fits(value, existing.type)):
        tree = materialise(f, value)
        if isinstance(tree.type, (VoidType, NeverType)):
            raise f.refuse(value.location, "this gives no value")
        existing = f.frame.locals[name] = Local(name, tree.type)
    else:
        tree = coerce(f, value, existing.type)
    store_local(f, node, existing, tree)


def store_local(f: Checker, node: ast.expr, local: Local, tree: Expression) -> None:
    """Emit the assignment and note what is now known of the local."""
    f.emit(Assign(f.at(node), local, tree))
    known = tree.type
    if isinstance(tree.type, OptionalType):
        inner = getattr(tree, "operand", None)
        if inner is not None and not isinstance(inner.type, OptionalType):
            known = inner.type
    if is_stack_reference(f, tree):
        f.stack_locals.add(local)
    seen = known if is_assignable(known, local.type) else local.type
    f.state[local.name] = Binding(local, seen)


def _is_constant_only(value: HostValue) -> bool:
    """An object of the host that no local can hold: the name then is a constant."""
    found = value.object
    return not isinstance(found, (int, bytes, tuple)) and known_type(value) is None


def _fits(value: Value, type_: Any) -> bool:
    known = known_type(value)
    if known is None or known == type_ or is_assignable(known, type_):
        return True
    narrower = getattr(known, "bits", 65) <= getattr(type_, "bits", 0)
    return narrower and type(known) is type(type_) and known.signed == type_.signed


def _take_apart(f: Checker, target: ast.Tuple | ast.List, value: Value) -> None:
    if isinstance(value, HostValue) and isinstance(value.object, tuple):
        if len(value.object) != len(target.elts):
            raise f.refuse(target, f"{len(value.object)} values for {len(target.elts)} names")
        for name, element in zip(target.elts, value.object, strict=True):
            assign_to(f, name, HostValue(value.location, element))
        return
    tree = materialise(f, value)
    if not isinstance(tree.type, TupleType):
        raise f.refuse(target, f"{tree.type} cannot be taken apart", "only tuples can")
    if len(tree.type.elements) != len(target.elts):
        raise f.refuse(target, f"{len(tree.type.elements)} values for {len(target.elts)} names")
    kept = f.settled(tree, "parts")
    for index, name in enumerate(target.elts):
        assign_to(f, name, TupleElement(f.at(name), tree.type.elements[index], kept, index))


def _set_property(f: Checker, target: ast.Attribute, value: Value) -> bool:
    """Call the setter when the attribute is a property."""
    base = f.expression(target.value)
    if isinstance(base, HostValue) and not is_struct(type(base.object)):
        return False
    cls = getattr(getattr(materialise(f, base), "type", None), "cls", None)
    found = getattr(cls, target.attr, None)
    if not isinstance(found, property) or cls is None:
        return False
    if found.fset is None:
        raise f.refuse(target, f"the property {target.attr} has no setter")
    tree = materialise(f, base)
    from codegen.check.values import BoundMethod

    method = BoundMethod(f.at(target), tree, found.fset, tree.type)
    f.emit(Evaluate(f.at(target), materialise(f, calls.invoke(f, target, method, [value], []))))
    return True


def _set_item(f: Checker, target: ast.Subscript, value: Value) -> bool:
    base = f.expression(target.value)
    type_ = getattr(base, "type", None)
    if not isinstance(type_, StructType) or not hasattr(type_.cls, "__setitem__"):
        return False
    method = access.attribute_of(f, target, base, "__setitem__")
    call = calls.invoke(f, target, method, [target.slice, value], [])
    f.emit(Evaluate(f.at(target), materialise(f, call)))
    return True


def _annotated(f: Checker, node: ast.AnnAssign) -> None:
    if not isinstance(node.target, ast.Name):
        raise f.refuse(node, "only a local name can be annotated here")
    type_ = f.frame.annotations.type(node.annotation)
    name = node.target.id
    declared = f.state.get(name)
    local = declared.local if declared is not None else None
    if local is not None and local.type != type_:
        raise f.refuse(node.annotation, f"{name} is {local.type} already", "choose another name")
    if local is None:
        local = f.frame.locals.get(name)
        if local is None or local.type != type_:
            local = f.frame.locals[name] = Local(name, type_)
    if node.value is not None:
        store_local(f, node.target, local, coerce(f, f.expression(node.value, type_), type_))


def _augmented(f: Checker, node: ast.AugAssign) -> None:
    target = node.target
    if isinstance(target, ast.Name):
        current = f.expression(ast.copy_location(ast.Name(target.id, ast.Load()), target))
        type_ = known_type(current)
        if isinstance(current, HostValue):
            raise f.refuse(target, f"{target.id} is a constant", "keep state in a module-level struct")
        value = operators.combine(f, node, node.op, current, f.expression(node.value, type_), type_)
        assign_name(f, target, value)
        return
    place = _stable(f, access.place(f, target))
    current = access.read(f, place)
    right = f.expression(node.value, place.type)
    value = operators.combine(f, node, node.op, current, right, place.type)
    f.emit(Store(f.at(node), place, coerce(f, value, place.type)))


def _stable(f: Checker, place: Place) -> Place:
    """A place whose base and index are evaluated once though it is read and stored."""
    if isinstance(place, Field):
        place.base = f.settled(place.base, "base")
    elif isinstance(place, Element):
        place.slice = f.settled(place.slice, "elements")
        place.index = f.settled(place.index, "index")
    return place


# Escape of what is on the stack ---------------------------------------------------------------------


def is_stack_reference(f: Checker, tree: Expression) -> bool:
    """Whether an expression refers to storage of this very call: `local()`, `local_array()`."""
    if isinstance(tree, ReadLocal):
        return tree.local in f.stack_locals
    if isinstance(tree, Construct):
        return isinstance(tree.address, StackStorage)
    if isinstance(tree, MakeSlice):
        return is_stack_reference(f, tree.address)
    if isinstance(tree, Subslice):
        return is_stack_reference(f, tree.slice)
    if isinstance(tree, (AddressOf, ArraySlice)):
        return isinstance(tree.place, Field) and is_stack_reference(f, tree.place.base)
    operand = getattr(tree, "operand", None)
    return operand is not None and is_stack_reference(f, operand)


def check_escape(f: Checker, node: ast.AST, tree: Expression) -> None:
    if is_stack_reference(f, tree):
        hint = "allocate it from a heap: heap.new(...)"
        raise f.refuse(tree.location, "this is on the stack and may not outlive the function", hint)


# Branches, return, assert ---------------------------------------------------------------------------


def _if(f: Checker, node: ast.If) -> None:
    test = expressions.condition(f, node.test)
    if isinstance(test.value, bool):
        f.state = {**f.state, **(test.when_true if test.value else test.when_false)}
        for statement in node.body if test.value else node.orelse:
            if f.live:
                check_statement(f, statement)
        return
    before = f.state
    f.state = {**before, **test.when_true}
    then = f.collect(node.body)
    end = (f.live, f.state)
    f.live, f.state = True, {**before, **test.when_false}
    otherwise = f.collect(node.orelse)
    f.emit(If(f.at(node), test.value, then, otherwise))
    f.branch_states(end, (f.live, f.state))


def _return(f: Checker, node: ast.Return) -> None:
    if f.frame.end_label is not None:
        if node.value is not None:
            raise f.refuse(node, "an iterator returns no value")
        f.emit(Break(f.at(node), f.frame.end_label))
        f.frame.loops[0].break_states.append(f.state)
        f.end_flow()
        return
    result = f.function.result
    if node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None):
        if isinstance(result, VoidType):
            f.emit(Return(f.at(node), None))
            f.end_flow()
            return
        if node.value is None:
            raise f.refuse(node, f"{result} is wanted", "return a value")
    value = f.expression(node.value, result)
    if isinstance(result, VoidType):
        tree = materialise(f, value)
        if not isinstance(tree.type, (VoidType, NeverType)):
            raise f.refuse(node.value, f"{tree.type} is returned by a function that returns None")
        f.emit(Evaluate(f.at(node), tree))
        if not isinstance(tree.type, NeverType):
            f.emit(Return(f.at(node), None))
        f.end_flow()
        return
    tree = coerce(f, value, result)
    check_escape(f, node.value, tree)
    if isinstance(tree.type, NeverType):
        f.emit(Evaluate(f.at(node), tree))
    else:
        f.emit(Return(f.at(node), tree))
    f.end_flow()


def _assert(f: Checker, node: ast.Assert) -> None:
    test = expressions.condition(f, node.test)
    trap = Evaluate(f.at(node), intrinsics.trap(f, f.at(node), TrapKind.ASSERTION, node.msg))
    if test.value is False:
        f.emit(trap)
        f.end_flow()
        return
    if test.value is not True:
        f.emit(If(f.at(node), test.value, [], [trap]))
    f.state = {**f.state, **test.when_true}


def _import(f: Checker, node: ast.ImportFrom) -> None:
    """An import inside a function, which breaks a cycle: its names are constants."""
    module = importlib.import_module(node.module or "")
    for alias in node.names:
        found = getattr(module, alias.name, MISSING)
        if found is MISSING:
            found = importlib.import_module(f"{node.module}.{alias.name}")
        value = expressions.wrap(f, ast.copy_location(ast.Name(alias.name, ast.Load()), alias), found)
        f.state[alias.asname or alias.name] = Binding(None, None, value)


def _compound(f: Checker, node: ast.stmt) -> None:
    """The statements that files of their own check."""
    match node:
        case ast.While():
            loops.check_while(f, node)
        case ast.For():
            loops.check_for(f, node)
        case ast.Break():
            loops.check_break(f, node)
        case ast.Continue():
            loops.check_continue(f, node)
        case ast.Match():
            matching.check_match(f, node)
        case ast.Raise():
            failure.check_raise(f, node)
        case ast.Try():
            failure.check_try(f, node)
        case ast.With():
            failure.check_with(f, node)


_REFUSED: dict[type[ast.stmt], tuple[str, str]] = {
    ast.Global: ("rebinding a global", "keep state in a module-level struct and set its fields"),
    ast.Nonlocal: ("nonlocal", "pass what is needed as an argument"),
    ast.FunctionDef: ("a function inside a function", "write it at module level"),
    ast.AsyncFunctionDef: ("async", "block on a wait queue"),
    ast.ClassDef: ("a class inside a function", "write it at module level"),
    ast.Delete: ("del", "give it back to its owner: heap.free(x)"),
    ast.AsyncFor: ("async", "block on a wait queue"),
    ast.AsyncWith: ("async", "block on a wait queue"),
    ast.Import: ("an import of a whole module inside a function", "write from ... import ..."),
}

_HANDLERS: dict[type[ast.stmt], Callable[[Checker, Any], None]] = {
    ast.Expr: _expression,
    ast.Pass: _pass,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.If: _if,
    ast.Return: _return,
    ast.Assert: _assert,
    ast.ImportFrom: _import,
    **dict.fromkeys((ast.While, ast.For, ast.Break, ast.Continue, ast.Match, ast.Raise, ast.Try, ast.With), _compound),
}
