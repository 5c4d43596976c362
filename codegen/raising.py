"""Where in the source a failure may come from, and which: what `make listing` marks.

Taken from the typed tree, so that calls count whose callee was inlined, or is known only when the program runs.
It travels in the ELF file, in a section that is not loaded, a line of text for each line of source.
"""

from __future__ import annotations

from codegen import tree
from codegen.call_graph import Nodes
from codegen.lang import Errno

SECTION = ".raising"
ANY = "any error"

Raising = dict[tuple[str, int], tuple[str, ...]]
"""By file and line: the names of the errors that a call or `raise` there may let out."""


_MAY_FAIL = (tree.Call, tree.CallInterface, tree.CallValue, tree.Raise)


def find(nodes: Nodes) -> Raising:
    """Every line of the program that may fail."""
    found: dict[tuple[str, int], set[str]] = {}
    for within in nodes.values():
        for node in within:
            names = _errors(node) if type(node) in _MAY_FAIL else None
            if names:
                found.setdefault((node.location.file, node.location.line), set()).update(names)
    return {place: tuple(sorted(names)) for place, names in sorted(found.items())}


def _errors(node: tree.Node) -> set[str]:
    if isinstance(node, tree.Call) and node.function.fallible:
        return _let_out(node.function)
    if isinstance(node, tree.CallInterface) and node.fallible:
        targets = [
            relocation.target
            for table in node.interface.vtables.values()
            for relocation in table.relocations
            if relocation.offset == node.slot * 8 and isinstance(relocation.target, tree.Function)
        ]
        return set[str]().union(*map(_let_out, targets))
    if isinstance(node, tree.CallValue) and node.fallible:
        return {ANY}
    if isinstance(node, tree.Raise):
        return {_name(node.error.value)} if isinstance(node.error, tree.Constant) else {ANY}
    return set()


def _let_out(function: tree.Function) -> set[str]:
    if not function.fallible:
        return set()
    return set(map(_name, function.errors)) or {ANY}


def _name(code: int) -> str:
    known = Errno.by_code.get(code)
    return known.__name__ if known is not None else f"error {code}"


def encode(raising: Raising) -> bytes:
    """As text: file, line and names, with tabs between them."""
    lines = ("\t".join((file, str(line), *names)) for (file, line), names in raising.items())
    return "".join(f"{line}\n" for line in lines).encode()


def decode(content: bytes) -> Raising:
    """What `encode` wrote."""
    lines = (line.split("\t") for line in content.decode().splitlines())
    return {(file, int(line)): tuple(names) for file, line, *names in lines}
