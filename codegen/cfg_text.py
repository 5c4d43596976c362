"""A `Graph` as text (`--dump=cfg`) and its verifier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from codegen import cfg
from codegen.tree import Assembly


def dump(graph: cfg.Graph) -> str:
    """The graph in a form made for reading: one instruction a line, with the source line it comes from."""
    parameters = ", ".join(f"{value}: {value.type}" for value in graph.parameters)
    lines = [f"{graph.function.symbol}({parameters}) -> {graph.result}"]
    for slot in graph.slots:
        lines.append(f"    {slot.name}: {slot.type or f'{slot.size} bytes, align {slot.alignment}'}")
    for block in graph.blocks:
        lines.append(f"  {block.name}:")
        lines += [f"    {_line(item)}" for item in (*block.instructions, block.terminator) if item is not None]
    return "\n".join(lines) + "\n"


def _line(item: cfg.Instruction | cfg.Terminator) -> str:
    result = getattr(item, "result", None)
    head = f"{result}: {result.type} = " if result is not None else ""
    words = [type(item).__name__.lower()]
    for name in (each.name for each in fields(item)):
        if name not in ("location", "result") and (text := _operand(getattr(item, name))):
            words.append(text)
    return f"{head}{' '.join(words)}  # line {item.location.line}"


def _operand(value: object) -> str:
    if isinstance(value, cfg.Value):
        return value.text
    if isinstance(value, cfg.BasicBlock):
        return value.name
    if isinstance(value, Assembly):
        return repr(value.template)
    if isinstance(value, list):
        return f"({', '.join(map(_operand, value))})"
    if isinstance(value, tuple):
        return "->".join(map(_operand, value))
    return "" if value in (None, False) else str(getattr(value, "name", value))


class MalformedGraph(Exception):
    """The compiler made a graph that breaks the rules of `cfg`; always a bug of `lower`."""


def verify(graph: cfg.Graph) -> None:
    """Raise MalformedGraph unless blocks end, and values are defined once, before use and well typed."""
    try:
        _verify_blocks(graph)
        _verify_values(graph)
    except MalformedGraph as error:
        raise MalformedGraph(f"{error}\n{dump(graph)}") from None


def _verify_blocks(graph: cfg.Graph) -> None:
    known = {id(block) for block in graph.blocks}
    for block in graph.blocks:
        if block.terminator is None:
            raise MalformedGraph(f"block {block.name} does not end")
        if not all(id(target) in known for target in block.successors()):
            raise MalformedGraph(f"block {block.name} goes to a block outside the function")


def _verify_values(graph: cfg.Graph) -> None:
    types = {value.text: value.type for value in graph.parameters}
    types |= {slot.name: "ptr" for slot in graph.slots}
    for block in graph.blocks:
        for item in block.instructions:
            if item.result is not None:
                if item.result.text in types:
                    raise MalformedGraph(f"{item.result} is defined twice")
                types[item.result.text] = item.result.type
    for block in graph.blocks:
        later = {each.result.text for each in block.instructions if each.result is not None}
        for instruction in block.instructions:
            _verify_item(instruction, types, later, graph)
            if instruction.result is not None:
                later.discard(instruction.result.text)
        _verify_item(block.terminator, types, later, graph)


def _verify_item(
    item: cfg.Instruction | cfg.Terminator | None, types: dict[str, str], later: set[str], graph: cfg.Graph
) -> None:
    for value in operands(item):
        if value.text.startswith("%"):
            if types.get(value.text) != value.type:
                raise MalformedGraph(f"{value} is used as {value.type} but is {types.get(value.text)}: {item}")
            if value.text in later:
                raise MalformedGraph(f"{value} is used before it is defined: {item}")
    if isinstance(item, cfg.Arithmetic | cfg.Compare) and item.left.type != item.right.type:
        raise MalformedGraph(f"operands of two types: {item}")
    if isinstance(item, cfg.Branch | cfg.Check) and item.condition.type != "i1":
        raise MalformedGraph(f"the condition is no i1: {item}")
    if isinstance(item, cfg.Return) and (item.value.type if item.value else "void") != graph.result:
        raise MalformedGraph(f"returns {item.value}, not {graph.result}")


_OPERAND_NAMES: dict[type, tuple[str, ...]] = {}


def _operand_names(item: cfg.Instruction | cfg.Terminator) -> tuple[str, ...]:
    found = _OPERAND_NAMES.get(type(item))
    if found is None:
        names = (each.name for each in fields(item))
        found = tuple(name for name in names if name not in ("location", "result"))
        _OPERAND_NAMES[type(item)] = found
    return found


def operands(item: cfg.Instruction | cfg.Terminator | None) -> Iterator[cfg.Value]:
    """The values that an instruction or terminator uses."""
    if item is None:
        return
    for name in _operand_names(item):
        value = getattr(item, name)
        if isinstance(value, cfg.Value):
            yield value
        elif isinstance(value, list):
            yield from (element for element in value if isinstance(element, cfg.Value))
