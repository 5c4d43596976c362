"""Every node of a tree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any

from codegen.tree.expressions import Node

__all__ = ["walk"]

_HOLDERS = ("Expression", "Place", "Statement", "Case", "Handler")
"""What is in the annotation of each attribute that holds nodes, or lists of them."""

_Parts = Callable[[Any], Any]
_PARTS: dict[type, _Parts | None] = {}
"""By class: what gives the parts of an instance that hold nodes; None when there are none."""


def walk(root: Any) -> list[Node]:
    """Every node in a tree, or in a list of trees, from the end backwards, each before those in it."""
    found: list[Node] = []
    waiting = [root]
    while waiting:
        each = waiting.pop()
        kind = type(each)
        if kind not in _PARTS:
            _PARTS[kind] = _parts_of(kind)
        parts = _PARTS[kind]
        if isinstance(each, Node):
            found.append(each)
        if parts is not None:
            waiting += parts(each)
    return found


def _parts_of(kind: type) -> _Parts | None:
    if issubclass(kind, list | tuple):
        return _itself
    if not issubclass(kind, Node):
        return None
    names = [entry.name for entry in fields(kind) if any(holder in str(entry.type) for holder in _HOLDERS)]
    if len(names) == 1:
        only = attrgetter(names[0])
        return lambda node: (only(node),)
    return attrgetter(*names) if names else None


def _itself(sequence: Any) -> Any:
    return sequence
