"""The numbered metadata of one LLVM module (LLVM Language Reference, "Metadata")."""

from __future__ import annotations


class Metadata:
    """Collects definitions; a node may be named before it is defined, which permits cycles."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._known: dict[str, int] = {}

    def node(self, text: str) -> int:
        """The number of a node; equal uniqued nodes are one."""
        if text.startswith("distinct"):
            return self._append(text)
        found = self._known.get(text)
        if found is None:
            found = self._known[text] = self._append(text)
        return found

    def _append(self, text: str) -> int:
        self.lines.append(f"!{len(self.lines)} = {text}")
        return len(self.lines) - 1

    def reserve(self) -> int:
        """A number for a node that `define` gives later."""
        self.lines.append("")
        return len(self.lines) - 1

    def define(self, number: int, text: str) -> None:
        """The node of a reserved number; it is distinct from any other."""
        self.lines[number] = f"!{number} = distinct {text}"

    def list(self, elements: list[str]) -> str:
        """A tuple of nodes, as an operand."""
        return f"!{self.node('!{' + ', '.join(elements) + '}')}"
