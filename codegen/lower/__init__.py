"""Lowering: a function of the typed tree becomes a graph of basic blocks.

Structured failure and cleanup end here. A failing call or a `raise` stores the error number and goes to
the entry of the nearest `Try` or `Cleanup` (or to the function's failure exit); a `Return` or `Break`
gets its own copy of each cleanup that it passes. Checks, floor division and conversions become plain
instructions; the meaning of every node is in `codegen.tree`.
"""

from __future__ import annotations

from codegen import cfg, tree
from codegen.cfg import Value
from codegen.lower import arithmetic, expressions, places  # noqa: F401  (they register their handlers)
from codegen.lower.builder import Builder, Catch, Uses, safe_name
from codegen.lower.representation import machine_type
from codegen.lower.statements import finish

__all__ = ["Uses", "lower_function"]


def lower_function(function: tree.Function, uses: Uses) -> cfg.Graph:
    """The graph of a function that has a body; what it mentions is noted in `uses`."""
    assert function.body is not None
    builder = Builder(function, uses)
    for local in function.parameters:
        type_ = machine_type(local.type)
        value = Value(f"%{safe_name(local.name)}.in", type_)
        builder.graph.parameters.append(value)
        builder.store(value, builder.variable(local))
    if function.fallible:
        builder.failure_exit = Catch(builder.new_block("failed"), builder.new_slot("i32", "error"))
    builder.statements(function.body)
    finish(builder, builder.failure_exit)
    builder.graph.remove_unreachable()
    return builder.graph
