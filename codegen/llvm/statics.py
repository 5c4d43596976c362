"""Static objects as LLVM globals: bytes, with the addresses of other objects between them."""

from __future__ import annotations

from codegen.lower import Uses
from codegen.tree import Function, Static, StaticKind

_ESCAPES = {byte: f"\\{byte:02X}" for byte in range(256) if not 32 <= byte < 127 or chr(byte) in '"\\'}
COPIED_CONSTANT = 256  # a constant of another module up to this size is copied, so that LLVM sees its bytes


def quote(data: bytes) -> str:
    """Bytes as an LLVM string constant."""
    return f'c"{data.decode("latin-1").translate(_ESCAPES)}"'


def _bytes(data: bytes) -> tuple[str, str]:
    """The type and the value of a run of plain bytes."""
    kind = f"[{len(data)} x i8]"
    return kind, quote(data) if any(data) else "zeroinitializer"


def initialiser(static: Static) -> tuple[str, str]:
    """The type and the value of a static: a packed struct of byte runs and addresses."""
    if not static.image:
        return f"[{static.size} x i8]", "zeroinitializer"
    parts: list[tuple[str, str]] = []
    position = 0
    for relocation in sorted(static.relocations, key=lambda each: each.offset):
        if relocation.offset > position:
            parts.append(_bytes(static.image[position : relocation.offset]))
        address = f'@"{relocation.target.symbol}"'
        if relocation.addend:
            address = f"getelementptr (i8, ptr {address}, i64 {relocation.addend})"
        parts.append(("ptr", address))
        position = relocation.offset + 8
    if position < static.size:
        parts.append(_bytes(static.image[position:]))
    if len(parts) == 1:
        return parts[0]
    kinds, values = (
        ", ".join(kind for kind, _ in parts),
        ", ".join(f"{kind} {value}" for kind, value in parts),
    )
    return f"<{{{kinds}}}>", f"<{{{values}}}>"


def define(static: Static) -> str:
    """The global of a static that this module owns."""
    kind, value = initialiser(static)
    storage = "global" if static.kind is StaticKind.DATA else "constant"
    return f'@"{static.symbol}" = hidden {storage} {kind} {value}, align {static.alignment}'


def declare(static: Static) -> str:
    """A static that another module owns."""
    if static.kind is StaticKind.DATA:
        return f'@"{static.symbol}" = external hidden global [{static.size} x i8], align {static.alignment}'
    kind, value = f"[{static.size} x i8]", ""
    linkage = "external"
    if static.size <= COPIED_CONSTANT and not static.relocations:
        linkage, (kind, value) = "available_externally", initialiser(static)
    return f'@"{static.symbol}" = {linkage} hidden constant {kind} {value}, align {static.alignment}'


def define_texts(uses: Uses) -> list[str]:
    """The constant bytes that the functions of the module mention."""
    return [
        f"{symbol} = private unnamed_addr constant [{len(data)} x i8] {quote(data)}, align 1"
        for data, symbol in uses.texts.items()
    ]


def targets(static: Static) -> list[Static | Function]:
    """What the addresses in a static point to."""
    return [relocation.target for relocation in static.relocations]
