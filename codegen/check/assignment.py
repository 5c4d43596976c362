"""Assignment: to names, fields, elements and parts of tuples; and what may not escape from the stack."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from codegen.check import access, calls, operators
from codegen.check.convert import coerce, is_assignable, known_type, materialise
from codegen.check.values import Binding, BoundMethod, HostValue, Value
from codegen.resolve import is_struct
from codegen.tree import (
    AddressOf,
    ArraySlice,
    Assign,
    Construct,
    Element,
    Evaluate,
    Expression,
    Field,
    Local,
    MakeSlice,
    Place,
    ReadLocal,
    StackStorage,
    Store,
    Subslice,
    TupleElement,
)
from codegen.types import NeverType, OptionalType, StructType, TupleType, VoidType

if TYPE_CHECKING:
    from codegen.check.function import Checker


def assign(f: Checker, node: ast.Assign) -> None:
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
    if existing is None or (declared is None and not fits(value, existing.type)):
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


def fits(value: Value, type_: Any) -> bool:
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


def annotated(f: Checker, node: ast.AnnAssign) -> None:
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


def augmented(f: Checker, node: ast.AugAssign) -> None:
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
