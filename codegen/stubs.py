"""Assembly stubs: the few dozen instructions a compiler cannot write, assembled with keystone.

A `Stub` names a symbol and gives its text (Intel syntax) as a function of the symbol table, so addresses and
struct offsets in it are ordinary Python values. Sizes can depend on addresses and addresses on sizes: the
linker calls `StubAssembler.assemble` until nothing moves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import keystone

from codegen.frames import CALLED, CallFrame
from codegen.objects import LinkError

_MODES = {16: keystone.KS_MODE_16, 32: keystone.KS_MODE_32, 64: keystone.KS_MODE_64}


class Symbols(Mapping[str, int]):
    """The addresses of all symbols, of program, stubs and linker alike."""

    def __init__(self, addresses: dict[str, int], user: str = "") -> None:
        self._addresses = addresses
        self._user = user

    def __getitem__(self, name: str) -> int:
        if name not in self._addresses:
            raise LinkError(f"{self._user or 'a stub'} needs the symbol {name!r}, which nothing defines")
        return self._addresses[name]

    def __contains__(self, name: object) -> bool:
        return name in self._addresses

    def __iter__(self) -> Iterator[str]:
        return iter(self._addresses)

    def __len__(self) -> int:
        return len(self._addresses)


@dataclass(frozen=True)
class Stub:
    """A piece of assembly under a symbol.

    `section`: "text", "rodata", "data", or "boot" (virtual address = physical address, dropped after start).
    Stubs of one section stand in the order given, without gaps where `alignment` is 1, so that a label in the
    middle of code is made by ending one stub and beginning the next. `frame` tells debuggers how it is entered.
    """

    name: str
    section: str
    text: Callable[[Symbols], str]
    alignment: int = 16
    bits: int = 64
    frame: CallFrame = CALLED


class StubAssembler:
    """Assembles stubs; remembers what it has done, as the linker asks more than once."""

    def __init__(self) -> None:
        self._assemblers: dict[int, keystone.Ks] = {}
        self._done: dict[tuple[int, str, int], bytes] = {}

    def assemble(self, stub: Stub, address: int, addresses: dict[str, int]) -> bytes:
        """The machine code of `stub` at `address`."""
        text = stub.text(Symbols(addresses, stub.name))
        key = (stub.bits, text, address)
        code = self._done.get(key)
        if code is None:
            code = self._done[key] = self._encode(stub, text, address)
        return code

    def _encode(self, stub: Stub, text: str, address: int) -> bytes:
        assembler = self._assemblers.get(stub.bits)
        if assembler is None:
            assembler = self._assemblers[stub.bits] = keystone.Ks(keystone.KS_ARCH_X86, _MODES[stub.bits])
        instructions = "\n".join(_without_comment(line) for line in text.splitlines())
        if not instructions.strip():
            return b""
        try:
            code, _count = assembler.asm(instructions, address, as_bytes=True)
        except keystone.KsError as error:
            culprit = self._culprit(assembler, text, address)
            raise LinkError(f"stub {stub.name!r}: {error}: {culprit}") from None
        if not code:
            # Seen when a label is a keyword of the syntax, such as `word:`.
            raise LinkError(f"stub {stub.name!r}: keystone gives nothing: is a label named like a keyword?")
        return bytes(code)

    def _culprit(self, assembler: keystone.Ks, text: str, address: int) -> str:
        """The first line that does not assemble alone; keystone does not say."""
        for line in text.splitlines():
            try:
                assembler.asm(_without_comment(line), address)
            except keystone.KsError:
                if "invalid" in line or not _is_jump(line):
                    return line.strip()
        return "(a label is missing?)"


def _without_comment(line: str) -> str:
    """Comments begin with '#' or ';' (keystone takes ';' for a separator)."""
    return line.split("#", 1)[0].split(";", 1)[0]


def _is_jump(line: str) -> bool:
    """Whether `line` may name a local label, and so cannot be judged alone."""
    return line.strip().startswith(("j", "call", "lea", "loop"))
