"""The worklist over all that is reachable: instances of functions, vtables, interfaces."""

from __future__ import annotations

import ast
import types as python_types
from collections.abc import Iterable
from typing import Any

from codegen import lang
from codegen.check import errors
from codegen.check.errors import Site
from codegen.check.statics import Statics
from codegen.check.values import HostValue, Value
from codegen.diagnostics import CompileError, Diagnostic, refuse
from codegen.resolve import Bindings, TypeOf, has_variables, is_struct, substitute, type_parameters
from codegen.signature import Signature, signature_of
from codegen.source import function_source
from codegen.tree import (
    Assembly,
    Call,
    CallInterface,
    CheckedProgram,
    Conversion,
    Convert,
    Evaluate,
    Expression,
    Function,
    Interface,
    Local,
    Location,
    ReadLocal,
    Relocation,
    Return,
    Static,
    StaticKind,
)
from codegen.types import FunctionType, InterfaceType, NeverType, StructType, Type, VoidType

MAXIMUM_ERRORS = 20
INLINE_NODES = 12


class Program:
    """One compilation: what was found, and what waits to be checked."""

    def __init__(self) -> None:
        self.functions: list[Function] = []
        self.instances: dict[Any, Function] = {}
        self.waiting: list[tuple[Function, Signature, Bindings, dict[str, Value]]] = []
        self.symbols: set[str] = set()
        self.statics = Statics(self)
        self.sites: dict[Function, list[Site]] = {}
        self.interfaces: dict[Any, Interface] = {}
        self.vtables: dict[StructType, Static] = {}
        self.interface_calls: list[CallInterface] = []
        self.vtable_functions: dict[Static, dict[int, Function]] = {}
        self.adapters: dict[Any, Function] = {}
        self.register_adapters: dict[Function, Function] = {}
        self.inlining: list[Any] = []
        self.diagnostics: list[Diagnostic] = []
        self.seen_modules: dict[str, None] = {}

    def modules(self) -> Iterable[str]:
        """The modules that were reached, the ones that statics may be named in first."""
        return list(self.seen_modules)

    def unique_symbol(self, symbol: str) -> str:
        """`symbol`, numbered when it is taken: two classes of one name as type arguments."""
        candidate, number = symbol, 1
        while candidate in self.symbols:
            number += 1
            candidate = f"{symbol}#{number}"
        self.symbols.add(candidate)
        return candidate

    # Function instances -------------------------------------------------------------------------

    def plain_instance(self, function: Any, where: Location) -> Function:
        """The one instance of a function that is not generic."""
        from codegen.check.calls import owner_of

        owner = owner_of(function)
        signature = signature_of(function, owner)
        if signature.is_generic or signature.is_generator:
            what = "generic" if signature.is_generic else "an iterator"
            raise refuse(where, f"{function.__name__} is {what}: it is not one value", "call it directly")
        return self.instance(function, owner, {}, [], where)

    def instance(
        self, function: Any, owner: Any, bindings: Bindings, constants: list[tuple[str, HostValue]], where: Location
    ) -> Function:
        """The concrete function for these types; checked later when it is new."""
        key: Any = function, owner
        if bindings or constants:
            types = sorted(((str(variable), type_) for variable, type_ in bindings.items()), key=lambda pair: pair[0])
            key = (*key, tuple(types), tuple((name, value.object) for name, value in constants))
        found = self.instances.get(key)
        if found is not None:
            return found
        signature = signature_of(function, owner)
        made = self._make(function, owner, signature, bindings, where)
        self.instances[key] = made
        self.functions.append(made)
        if made.assembly is None and not made.external:
            self.waiting.append((made, signature, bindings, dict(constants)))
        return made

    def _make(self, function: Any, owner: Any, signature: Signature, bindings: Bindings, where: Location) -> Function:
        if getattr(function, "__comptime__", False):
            raise refuse(where, f"{function.__name__} runs while compiling only")
        source = signature.source
        self.seen_modules.setdefault(source.module.name)
        parameters = [
            Local(parameter.name, substitute(parameter.type, bindings))
            for parameter in signature.parameters
            if not isinstance(parameter.type, TypeOf)
        ]
        result = substitute(signature.result, bindings)
        if has_variables(result) or any(has_variables(parameter.type) for parameter in parameters):
            raise refuse(where, f"the types of {function.__name__} cannot be inferred")
        attributes = vars(function)
        export = bool(attributes.get("__export__"))
        external = bool(attributes.get("__external__"))
        symbol = function.__name__
        if not export and not external:
            symbol = self.unique_symbol(_symbol(function, owner, bindings))
        made = Function(symbol, source.module.name, source.name_location, parameters, result, signature.fallible)
        made.export, made.external = export, external
        made.inline = bool(attributes.get("__inline__"))
        made.noinline = bool(attributes.get("__noinline__"))
        made.hot = bool(attributes.get("__hot__"))
        made.sleeps = bool(attributes.get("__sleeps__"))
        made.must_use = bool(attributes.get("__must_use__"))
        made.turns = int(attributes.get("__turns__", 0))
        if "__instruction__" in attributes:
            if made.module.startswith("kernel.") and not made.module.startswith("kernel.machine."):
                hint = "declare it in kernel/machine/ and call it from here"
                raise refuse(source.name_location, "an instruction outside of kernel/machine/", hint)
            made.assembly = Assembly(*attributes["__instruction__"])
        if (export or external or made.assembly is not None) and made.fallible:
            hint = "turn the error into a number inside"
            raise refuse(source.name_location, f"{function.__name__} may not be Fallible: others call it", hint)
        return made

    def adapted(self, function: Any, target: FunctionType, where: Location) -> Function:
        """A host function as a value of `target`, behind an adapter where its type differs a little."""
        instance = self.plain_instance(function, where)
        types = tuple(parameter.type for parameter in instance.parameters)
        actual = FunctionType(types, instance.result, instance.fallible)
        if actual == target:
            return instance
        if len(types) != len(target.parameters) or (instance.fallible and not target.fallible):
            raise refuse(where, f"{function.__name__} is {actual}; {target} is wanted")
        return self._adapter(instance, list(target.parameters), target.result, target.fallible, where)

    def _adapter(
        self, target: Function, parameters: list[Any], result: Any, fallible: bool, where: Location
    ) -> Function:
        """A function of another signature that only calls `target`."""
        key = (target, tuple(parameters), result, fallible)
        found = self.adapters.get(key)
        if found is not None:
            return found
        locals_ = [Local(old.name, type_) for old, type_ in zip(target.parameters, parameters, strict=True)]
        arguments = []
        for local, old in zip(locals_, target.parameters, strict=True):
            read: Expression = ReadLocal(target.location, local.type, local)
            arguments.append(_adapt(read, old.type, where, target))
        call = Call(target.location, target.result, target, arguments)
        symbol = self.unique_symbol(f"{target.symbol}[adapted]")
        made = Function(symbol, target.module, target.location, locals_, result, fallible)
        if isinstance(target.result, (VoidType, NeverType)):
            made.body = [Evaluate(target.location, call)]
        else:
            made.body = [Return(target.location, _adapt(call, result, where, target))]
        self.adapters[key] = made
        self.functions.append(made)
        self.sites[made] = [Site(where, target, ())] if target.fallible else []
        return made

    # Interfaces ---------------------------------------------------------------------------------

    def interface(self, cls: Any) -> Interface:
        """An Interface class, with its place in the vtables of the structs that implement it."""
        found = self.interfaces.get(cls)
        if found is None:
            methods = [name for name, value in vars(cls).items() if _is_method(value)]
            first = _first_slot(cls)
            symbol = f"{cls.__module__}.{cls.__qualname__}"
            found = self.interfaces[cls] = Interface(symbol, methods, first)
        return found

    def vtable(self, type_: StructType) -> Static:
        """The vtable of a struct; its methods become reachable."""
        found = self.vtables.get(type_)
        if found is None:
            symbol = self.unique_symbol(f"{self.struct_symbol(type_)}#vtable")
            found = Static(symbol, type_.cls.__module__, StaticKind.VTABLE, 0, 8)
            self.vtables[type_] = found
            self.statics.all.append(found)
        return found

    def struct_symbol(self, type_: StructType) -> str:
        arguments = f"[{','.join(map(str, type_.arguments))}]" if type_.arguments else ""
        return f"{type_.cls.__module__}.{type_.cls.__qualname__}{arguments}"

    def fill_vtables(self) -> bool:
        """Fill the vtables found since the last time; says whether there were any."""
        fresh = [(type_, static) for type_, static in self.vtables.items() if static not in self.vtable_functions]
        for type_, static in fresh:
            slots: dict[int, Function] = {}
            for base in _interfaces_of(type_.cls):
                interface = self.interface(base)
                interface.vtables[self.struct_symbol(type_)] = static
                for index, name in enumerate(interface.methods):
                    try:
                        function = self._implementation(type_, base, name)
                        slots[interface.first_slot + index] = function
                    except CompileError as error:
                        self.diagnostics.extend(error.diagnostics)
            size = 8 * (max(slots, default=0) + 1)
            static.size = size
            static.image = bytes(size)
            static.relocations = [Relocation(8 * slot, function, 0) for slot, function in sorted(slots.items())]
            self.vtable_functions[static] = slots
        return bool(fresh)

    def _implementation(self, type_: StructType, base: Any, name: str) -> Function:
        found = getattr(type_.cls, name)
        function = found.fget if isinstance(found, property) else found
        declared = vars(base)[name]
        wanted = declared.fget if isinstance(declared, property) else declared
        source = function_source(function)
        if function is wanted and _is_abstract(source.node):
            place = function_source(wanted).name_location
            message = f"{type_} does not implement {base.__name__}.{name}"
            raise refuse(place, message, f"write the method in class {type_.cls.__name__}")
        bindings = dict(zip(type_parameters(type_.cls), type_.arguments, strict=True))
        instance = self.instance(function, type_, bindings, [], source.name_location)
        assert isinstance(wanted, python_types.FunctionType)
        signature = signature_of(wanted, InterfaceType(base))
        parameters: list[Any] = [type_, *(parameter.type for parameter in signature.parameters[1:])]
        same = [parameter.type for parameter in instance.parameters] == parameters
        if same and instance.result == signature.result and instance.fallible == signature.fallible:
            return instance
        if len(instance.parameters) != len(parameters) or (instance.fallible and not signature.fallible):
            message = f"{type_}.{name} has another signature than {base.__name__}.{name}"
            raise refuse(source.name_location, message, "give both the same parameters and result")
        where = source.name_location
        return self._adapter(instance, parameters, signature.result, signature.fallible, where)

    def implementations(self, call: CallInterface) -> list[Function]:
        """The functions that a call through an interface may reach."""
        tables = [self.vtable_functions[static] for static in call.interface.vtables.values()]
        return [table[call.slot] for table in tables if call.slot in table]

    # The whole ----------------------------------------------------------------------------------

    def run(self) -> None:
        """Check until nothing new is reached."""
        from codegen.check.function import Checker

        more = True
        while more and len(self.diagnostics) < MAXIMUM_ERRORS:
            while self.waiting:
                function, signature, bindings, constants = self.waiting.pop(0)
                checker = Checker(self, function, signature, bindings)
                try:
                    checker.check_body(constants)
                except CompileError as error:
                    self.diagnostics.extend(error.diagnostics)
                    function.body = []
                self.sites[function] = checker.sites
            try:
                more = self.statics.write_waiting()
                more = self.fill_vtables() or more or bool(self.waiting)
            except CompileError as error:
                self.diagnostics.extend(error.diagnostics)
                break
        if not self.diagnostics:
            self.diagnostics.extend(errors.infer(self))
        raise_refused(self.diagnostics)

    def finish(self, roots: list[Function]) -> CheckedProgram:
        """The checked program, interface calls with one implementor made direct."""
        for call in self.interface_calls:
            functions = self.implementations(call)
            if len(functions) == 1 and len(call.interface.vtables) == 1:
                call.only = functions[0]
        for function in self.functions:
            function.inline = not function.noinline and not function.export and (
                function.inline or _is_small(function)
            )  # fmt: skip
        structs: dict[Type, None] = {}
        for static in self.statics.all:
            if static.type is not None:
                structs.setdefault(static.type)
        return CheckedProgram(self.functions, self.statics.all, list(self.interfaces.values()), list(structs), roots)


def raise_refused(diagnostics: Iterable[Diagnostic]) -> None:
    """CompileError with `diagnostics`, each once, unless there are none."""
    unique = dict.fromkeys(diagnostics)
    if unique:
        raise CompileError(*list(unique)[:MAXIMUM_ERRORS])


def _adapt(value: Expression, target: Any, where: Location, function: Function) -> Expression:
    from codegen.check.convert import is_assignable

    if value.type == target:
        return value
    down = isinstance(value.type, InterfaceType) and isinstance(target, StructType)
    if down or is_assignable(value.type, target):
        return Convert(value.location, target, Conversion.RETYPE, value)
    raise refuse(where, f"{function.symbol}: {value.type} where {target} is wanted")


def _symbol(function: Any, owner: Any, bindings: Bindings) -> str:
    name = f"{function.__module__}.{function.__qualname__}"
    if isinstance(owner, StructType) and owner.cls.__qualname__ != function.__qualname__.rsplit(".", 1)[0]:
        name = f"{owner.cls.__module__}.{owner.cls.__qualname__}.{function.__name__}"
    if bindings:
        name += f"[{','.join(str(type_) for type_ in bindings.values())}]"
    return name


def _is_method(value: object) -> bool:
    return isinstance(value, (python_types.FunctionType, property))


def _is_abstract(node: ast.FunctionDef) -> bool:
    """Whether the body is only a docstring and `...`."""
    return all(isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) for statement in node.body)


def _interfaces_of(cls: Any) -> list[Any]:
    """The interfaces that a struct class implements, in the order of its bases."""
    return [
        base
        for base in cls.__mro__
        if base is not lang.Interface and issubclass(base, lang.Interface) and not is_struct(base)
    ]


def _all_interfaces() -> list[Any]:
    found: dict[Any, None] = {}
    pending: list[Any] = list(lang.Interface.__subclasses__())
    while pending:
        cls = pending.pop()
        if not is_struct(cls) and cls not in found:
            found[cls] = None
            pending.extend(cls.__subclasses__())
    return sorted(found, key=lambda cls: (cls.__module__, cls.__qualname__))


def _all_implementors(cls: Any) -> set[Any]:
    structs, pending = set(), [cls]
    while pending:
        inner = pending.pop()
        if is_struct(inner):
            structs.add(inner)
        pending.extend(inner.__subclasses__())
    return structs


def _first_slot(cls: Any) -> int:
    """The first slot of an interface: past the interfaces before it that share an implementor."""
    mine = _all_implementors(cls)
    start = 0
    for other in _all_interfaces():
        if other is cls:
            break
        if mine & _all_implementors(other):
            start = max(start, _first_slot(other) + sum(1 for value in vars(other).values() if _is_method(value)))
    return start


def _is_small(function: Function) -> bool:
    """Whether a copy of the body in each module that calls it costs less than the call."""
    if not function.body or len(function.body) > 2 or function.fallible:
        return False
    budget = INLINE_NODES
    pending: list[Any] = list(function.body)
    while pending:
        node = pending.pop()
        budget -= 1
        if budget < 0 or type(node).__name__ in ("Loop", "Try", "Cleanup", "Switch", "StackStorage"):
            return False
        for name in type(node).__slots__:
            value = getattr(node, name)
            if isinstance(value, list):
                pending.extend(value)
            elif hasattr(type(value), "__slots__") and hasattr(value, "location") and not isinstance(value, Function):
                pending.append(value)
    return True
