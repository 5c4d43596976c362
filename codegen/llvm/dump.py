"""What each stage made of a module, as text (`--dump=STAGE`)."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from codegen import cfg_text, tree
from codegen.llvm.machine import emit_assembly
from codegen.llvm.text import module_text
from codegen.lower import Uses, lower_function
from codegen.target import Target


def dump(stage: str, module: str, program: tree.CheckedProgram, target: Target) -> str:
    """The text of stage `tree`, `cfg`, `llvm` or `asm` for one module."""
    functions = [each for each in program.functions if each.module == module and each.body is not None]
    match stage:
        case "tree":
            return "\n".join(map(function_text, functions))
        case "cfg":
            uses = Uses()
            return "\n".join(cfg_text.dump(lower_function(function, uses)) for function in functions)
        case "llvm":
            return module_text(module, program)
        case "asm":
            return emit_assembly(module_text(module, program), target)
    raise ValueError(f"there is no stage {stage}")


def function_text(function: tree.Function) -> str:
    """A typed function as an indented outline: a node a line, with its type and source line."""
    parameters = ", ".join(f"{local.name}: {local.type}" for local in function.parameters)
    result = f"Fallible[{function.result}]" if function.fallible else str(function.result)
    lines = [f"{function.symbol}({parameters}) -> {result}"]
    for statement in function.body or []:
        _outline(statement, "", 1, lines)
    return "\n".join(lines) + "\n"


def _outline(value: Any, label: str, depth: int, lines: list[str]) -> None:
    """Append the node `value`, and below it what it is made of."""
    indent = "  " * depth
    if isinstance(value, tree.Node):
        type_ = f": {value.type}" if isinstance(value, tree.Typed) else ""
        lines.append(f"{indent}{label}{type(value).__name__}{type_}  # line {value.location.line}")
        for each in fields(value):
            if each.name not in ("location", "type"):
                _outline(getattr(value, each.name), f"{each.name} ", depth + 1, lines)
    elif isinstance(value, list | tuple):
        named = getattr(value, "_fields", None) or [str(index) for index in range(len(value))]
        for name, element in zip(named, value, strict=True):
            _outline(element, f"{label}{name} ", depth, lines)
    elif value is not None:
        lines.append(f"{indent}{label}{_name(value)}")


def _name(value: Any) -> str:
    if is_dataclass(value):
        return str(getattr(value, "symbol", getattr(value, "name", value)))
    return str(getattr(value, "name", None) or repr(value))
