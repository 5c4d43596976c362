"""One graph as the text of an LLVM function (LLVM Language Reference, "Instruction Reference").

The text is made by hand: it is an order of magnitude faster than building instruction objects.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from codegen import cfg
from codegen.lang import Order, TrapKind
from codegen.llvm.debug import DebugInfo
from codegen.llvm.runtime import CODE, EQUAL_MEMORY, TRAP
from codegen.lower.representation import is_signed, machine_type, result_type
from codegen.target import HOT_TEXT
from codegen.tree import Assembly, Function, Location
from codegen.types import InterfaceType, NeverType, StructType, Type

Emitter = Callable[["FunctionText", Any, str], None]
EMITTERS: dict[type, Emitter] = {}

_ORDER = {
    Order.RELAXED: "monotonic",
    Order.ACQUIRE: "acquire",
    Order.RELEASE: "release",
    Order.ACQ_REL: "acq_rel",
    Order.SEQ_CST: "seq_cst",
}
_LOAD_ORDER = _ORDER | {Order.RELEASE: "monotonic", Order.ACQ_REL: "acquire"}
_STORE_ORDER = _ORDER | {Order.ACQUIRE: "monotonic", Order.ACQ_REL: "release"}


def emits(instruction: type) -> Callable[[Emitter], Emitter]:
    def register(emitter: Emitter) -> Emitter:
        EMITTERS[instruction] = emitter
        return emitter

    return register


def extension(type_: str, signed: bool) -> str:
    """How the caller extends a narrow integer (System V ABI for AMD64, section 3.2.3, as clang reads it)."""
    if type_ in ("i1", "i8", "i16"):
        return " signext" if signed else " zeroext"
    return ""


def parameter_types(function: Function) -> list[str]:
    """The parameters of a declaration or definition, with their attributes."""
    return [_parameter(local.type) for local in function.parameters]


def _parameter(type_: Type) -> str:
    machine = machine_type(type_)
    nonnull = " nonnull" if isinstance(type_, StructType | InterfaceType) else ""
    return f"{machine} noundef{nonnull}{extension(machine, is_signed(type_))}"


def result_attributes(function: Function) -> str:
    result = result_type(function.result, function.fallible)
    return f"{extension(result, is_signed(function.result))} {result}".lstrip()


def declaration(function: Function) -> str:
    visibility = "" if function.external else "hidden "
    never = " noreturn" if isinstance(function.result, NeverType) and not function.fallible else ""
    parameters = ", ".join(parameter_types(function))
    head = f'declare {visibility}{result_attributes(function)} @"{function.symbol}"({parameters})'
    return f"{head}{never} {CODE}"


class FunctionText:
    """The lines of one function; `needs` collects the declarations that it wants."""

    def __init__(self, debug: DebugInfo, needs: dict[str, None]) -> None:
        self.debug = debug
        self.needs = needs
        self.lines: list[str] = []
        self._traps: dict[tuple[Location, TrapKind], str] = {}
        self._count = 0

    def emit(self, graph: cfg.Graph, copy: bool) -> list[str]:
        """The function, as a definition or as a copy of what another module defines."""
        function, lines = graph.function, self.lines
        subprogram = self.debug.begin(function)
        lines.append(f"{self._head(graph, copy)} !dbg !{subprogram} {{")
        emitters = EMITTERS
        for position, block in enumerate(graph.blocks):
            lines.append(f"{block.name}:")
            if position == 0:
                lines += map(_alloca, graph.slots)
                lines += self.debug.variables(graph)
            location, suffix = None, ""
            for item in (*block.instructions, block.terminator):
                assert item is not None
                if item.location is not location:
                    location = item.location
                    suffix = f", !dbg !{self.debug.at(location)}"
                emitters[type(item)](self, item, suffix)
        for (location, kind), label in self._traps.items():
            suffix = f", !dbg !{self.debug.at(location)}"
            lines.append(f"{label}:")
            lines.append(f"  call void @trap_failed(i32 {int(kind)}) {TRAP}{suffix}")
            lines.append(f"  unreachable{suffix}")
        lines.append("}")
        return lines

    def _head(self, graph: cfg.Graph, copy: bool) -> str:
        function = graph.function
        parameters = ", ".join(
            f"{kind} {value}" for kind, value in zip(parameter_types(function), graph.parameters, strict=True)
        )
        linkage = "available_externally hidden" if copy else "dso_local" if function.export else "hidden"
        words = [CODE]
        if function.noinline:
            words.append("noinline")
        elif function.inline:
            words.append("inlinehint")
        if isinstance(function.result, NeverType) and not function.fallible:
            words.append("noreturn")
        if function.hot and not copy:
            words.append(f'section "{HOT_TEXT}"')
        result = result_attributes(function)
        return f'define {linkage} {result} @"{function.symbol}"({parameters}) {" ".join(words)}'

    def fresh(self, prefix: str) -> str:
        """A name that no graph has: those of a graph do not begin with a dot."""
        self._count += 1
        return f"{prefix}{self._count}"

    def trap(self, location: Location, kind: TrapKind) -> str:
        """The cold block that reports a trap; each line has its own, or the traceback would name another."""
        key = (location, kind)
        label = self._traps.get(key)
        if label is None:
            label = self._traps[key] = f".trap{len(self._traps)}"
        return label

    def add(self, text: str, suffix: str) -> None:
        self.lines.append(f"  {text}{suffix}")


def _alloca(slot: cfg.Slot) -> str:
    if slot.type:
        return f"  {slot.name} = alloca {slot.type}"
    return f"  {slot.name} = alloca [{max(slot.size, 1)} x i8], align {max(slot.alignment, 1)}"


# Computation ----------------------------------------------------------------------------------------


@emits(cfg.Arithmetic)
def _arithmetic(out: FunctionText, item: cfg.Arithmetic, suffix: str) -> None:
    type_, operator, left, right = item.left.type, item.operator, item.left.text, item.right.text
    assert item.result is not None
    if item.trap is not None and operator == "add" and not item.signed and right.isdigit() and int(right) > 1:
        _add_constant(out, item, item.trap, suffix)
    elif item.trap is not None:
        name = f"llvm.{'s' if item.signed else 'u'}{operator}.with.overflow.{type_}"
        out.needs[f"declare {{{type_}, i1}} @{name}({type_}, {type_})"] = None
        pair, failed, go_on = out.fresh("%."), out.fresh("%."), out.fresh(".ok")
        out.add(f"{pair} = call {{{type_}, i1}} @{name}({type_} {left}, {type_} {right})", suffix)
        out.add(f"{item.result.text} = extractvalue {{{type_}, i1}} {pair}, 0", suffix)
        out.add(f"{failed} = extractvalue {{{type_}, i1}} {pair}, 1", suffix)
        label = out.trap(item.location, item.trap)
        out.add(f"br i1 {failed}, label %{label}, label %{go_on}, !prof !{out.debug.unlikely}", suffix)
        out.lines.append(f"{go_on}:")
    elif operator in ("umin", "umax", "smin", "smax", "usub.sat", "ssub.sat"):
        name = f"llvm.{operator}.{type_}"
        out.needs[f"declare {type_} @{name}({type_}, {type_})"] = None
        out.add(f"{item.result.text} = call {type_} @{name}({type_} {left}, {type_} {right})", suffix)
    else:
        out.add(f"{item.result.text} = {operator} {type_} {left}, {right}", suffix)


def _add_constant(out: FunctionText, item: cfg.Arithmetic, trap: TrapKind, suffix: str) -> None:
    """An unsigned sum with a constant, checked by a comparison: later passes see the range of the sum, which they
    do not in what an intrinsic gives. For 1 that costs an instruction (INC sets the zero flag) and shows little."""
    assert item.result is not None
    type_, left, right = item.left.type, item.left.text, item.right.text
    failed, go_on, label = out.fresh("%."), out.fresh(".ok"), out.trap(item.location, trap)
    highest = (1 << int(type_[1:])) - 1 - int(right)
    out.add(f"{failed} = icmp ugt {type_} {left}, {highest}", suffix)
    out.add(f"br i1 {failed}, label %{label}, label %{go_on}, !prof !{out.debug.unlikely}", suffix)
    out.lines.append(f"{go_on}:")
    out.add(f"{item.result.text} = add nuw {type_} {left}, {right}", suffix)


@emits(cfg.CountBits)
def _count_bits(out: FunctionText, item: cfg.CountBits, suffix: str) -> None:
    type_ = item.operand.type
    flag_type, flag = ("", "") if item.operator == "ctpop" else (", i1 immarg", ", i1 false")
    out.needs[f"declare {type_} @llvm.{item.operator}.{type_}({type_}{flag_type})"] = None
    out.add(f"{item.result} = call {type_} @llvm.{item.operator}.{type_}({type_} {item.operand}{flag})", suffix)


@emits(cfg.Compare)
def _compare(out: FunctionText, item: cfg.Compare, suffix: str) -> None:
    left = item.left
    out.add(f"{item.result} = icmp {item.predicate} {left.type} {left.text}, {item.right.text}", suffix)


@emits(cfg.Cast)
def _cast(out: FunctionText, item: cfg.Cast, suffix: str) -> None:
    assert item.result is not None
    operand = item.operand
    out.add(f"{item.result.text} = {item.operator} {operand.type} {operand.text} to {item.result.type}", suffix)


@emits(cfg.Pack)
def _pack(out: FunctionText, item: cfg.Pack, suffix: str) -> None:
    assert item.result is not None
    type_, value = item.result.type, "poison"
    given = [pair for pair in enumerate(item.elements) if pair[1] is not cfg.POISON]
    for index, element in given:
        name = item.result.text if index == given[-1][0] else out.fresh("%.")
        out.add(f"{name} = insertvalue {type_} {value}, {element.type} {element.text}, {index}", suffix)
        value = name


@emits(cfg.Unpack)
def _unpack(out: FunctionText, item: cfg.Unpack, suffix: str) -> None:
    aggregate = item.aggregate
    out.add(f"{item.result} = extractvalue {aggregate.type} {aggregate.text}, {item.index}", suffix)


# Memory ---------------------------------------------------------------------------------------------


@emits(cfg.Offset)
def _offset(out: FunctionText, item: cfg.Offset, suffix: str) -> None:
    kind = "i8" if item.stride == 1 else f"[{item.stride} x i8]"
    out.add(
        f"{item.result} = getelementptr inbounds {kind}, ptr {item.base}, {item.index.type} {item.index}",
        suffix,
    )


@emits(cfg.Load)
def _load(out: FunctionText, item: cfg.Load, suffix: str) -> None:
    assert item.result is not None
    head = f"{item.result.text} = load volatile" if item.volatile else f"{item.result.text} = load"
    nonnull = f", !nonnull !{out.debug.empty}" if item.nonnull else ""
    out.add(f"{head} {item.result.type}, ptr {item.address.text}, align 1{nonnull}", suffix)


@emits(cfg.Store)
def _store(out: FunctionText, item: cfg.Store, suffix: str) -> None:
    flags, value = " volatile" if item.volatile else "", item.value
    out.add(f"store{flags} {value.type} {value.text}, ptr {item.address.text}, align 1", suffix)


@emits(cfg.CopyMemory)
def _copy_memory(out: FunctionText, item: cfg.CopyMemory, suffix: str) -> None:
    name = f"llvm.{'memcpy' if item.disjoint else 'memmove'}.p0.p0.i64"
    out.needs[f"declare void @{name}(ptr, ptr, i64, i1 immarg)"] = None
    pointers = f"ptr {item.destination}, ptr {item.source}"
    out.add(f"call void @{name}({pointers}, i64 {item.length}, i1 false)", suffix)


@emits(cfg.FillMemory)
def _fill_memory(out: FunctionText, item: cfg.FillMemory, suffix: str) -> None:
    out.needs["declare void @llvm.memset.p0.i64(ptr, i8, i64, i1 immarg)"] = None
    out.add(
        f"call void @llvm.memset.p0.i64(ptr {item.destination}, i8 {item.byte}, i64 {item.length}, i1 false)",
        suffix,
    )


@emits(cfg.EqualMemory)
def _equal_memory(out: FunctionText, item: cfg.EqualMemory, suffix: str) -> None:
    out.needs[EQUAL_MEMORY] = None
    out.add(f"{item.result} = call i1 @memory.equal(ptr {item.left}, ptr {item.right}, i64 {item.length})", suffix)


@emits(cfg.AtomicAccess)
def _atomic(out: FunctionText, item: cfg.AtomicAccess, suffix: str) -> None:
    operator, address, operands = item.operator, item.address.text, item.operands
    if operator == "store":
        value, order = operands[0], _STORE_ORDER[item.order]
        size = int(value.type[1:]) // 8 if value.type != "ptr" else 8
        out.add(f"store atomic {value.type} {value.text}, ptr {address} {order}, align {size}", suffix)
        return
    assert item.result is not None
    result = item.result
    if operator == "load":
        size = int(result.type[1:]) // 8 if result.type != "ptr" else 8
        order = _LOAD_ORDER[item.order]
        out.add(f"{result} = load atomic {result.type}, ptr {address} {order}, align {size}", suffix)
    elif operator == "cmpxchg":
        type_, pair = operands[0].type, out.fresh("%.")
        orders = f"{_ORDER[item.order]} {_LOAD_ORDER[item.order]}"
        expected, new = operands
        out.add(f"{pair} = cmpxchg ptr {address}, {type_} {expected}, {type_} {new} {orders}", suffix)
        out.add(f"{result} = extractvalue {{{type_}, i1}} {pair}, 1", suffix)
    else:
        value, order = operands[0], _ORDER[item.order]
        out.add(f"{result} = atomicrmw {operator} ptr {address}, {value.type} {value} {order}", suffix)


# Calls, checks, ends --------------------------------------------------------------------------------


@emits(cfg.Call)
def _call(out: FunctionText, item: cfg.Call, suffix: str) -> None:
    head = f"{item.result.text} = " if item.result is not None else ""
    signed = item.signed or (False,) * len(item.arguments)
    arguments = ", ".join(
        f"{value.type}{extension(value.type, sign)} {value.text}"
        for value, sign in zip(item.arguments, signed, strict=True)
    )
    if isinstance(item.callee, Assembly):
        text = f"asm sideeffect {_assembly(item.callee)}({arguments})"
        out.add(f"{head}call {item.signature} {text} nounwind", suffix)
    else:
        out.add(f"{head}call {item.signature} {item.callee.text}({arguments})", suffix)


def _assembly(assembly: Assembly) -> str:
    """Template and constraints; it is taken to change memory and flags whatever it says."""
    clobbers = ["~{memory}", "~{dirflag}", "~{fpsr}", "~{flags}"]
    constraints = [each for each in assembly.constraints.split(",") if each]
    constraints += [each for each in clobbers if each not in constraints]
    escaped = "".join(
        char if char.isprintable() and char not in '"\\' else f"\\{ord(char):02X}" for char in assembly.template
    )
    return f'"{escaped}", "{",".join(constraints)}"'


@emits(cfg.Check)
def _check(out: FunctionText, item: cfg.Check, suffix: str) -> None:
    go_on, label = out.fresh(".ok"), out.trap(item.location, item.trap)
    out.add(f"br i1 {item.condition}, label %{go_on}, label %{label}, !prof !{out.debug.likely}", suffix)
    out.lines.append(f"{go_on}:")


@emits(cfg.Jump)
def _jump(out: FunctionText, item: cfg.Jump, suffix: str) -> None:
    out.add(f"br label %{item.target.name}", suffix)


@emits(cfg.Branch)
def _branch(out: FunctionText, item: cfg.Branch, suffix: str) -> None:
    weights = f", !prof !{out.debug.unlikely}" if item.failure else ""
    out.add(f"br i1 {item.condition}, label %{item.then.name}, label %{item.otherwise.name}{weights}", suffix)


@emits(cfg.Switch)
def _switch(out: FunctionText, item: cfg.Switch, suffix: str) -> None:
    type_ = item.subject.type
    cases = " ".join(f"{type_} {value}, label %{block.name}" for value, block in item.cases)
    out.add(f"switch {type_} {item.subject}, label %{item.default.name} [{cases}]", suffix)


@emits(cfg.Return)
def _return(out: FunctionText, item: cfg.Return, suffix: str) -> None:
    out.add(f"ret {item.value.type} {item.value}" if item.value is not None else "ret void", suffix)


@emits(cfg.Stop)
def _stop(out: FunctionText, item: cfg.Stop, suffix: str) -> None:
    out.add("unreachable" if item.trap is None else f"br label %{out.trap(item.location, item.trap)}", suffix)
