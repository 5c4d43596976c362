"""Variables as callers see them: a correction of LLVM's location lists (DWARF 4, section 2.6.2).

A list says where a variable is for ranges of code. LLVM ends a range at the instruction behind a call when the
call destroys its register. A debugger looks a caller up by the address of the call itself, which is one less than
the return address: it would take the destroyed register. So every border moves down by one byte, into the
last instruction of the first range, as GCC writes them.
"""

from __future__ import annotations

import struct

SECTION = ".debug_loc"

_PAIR = struct.Struct("<QQ")
_BASE_SELECTION = 0xFFFFFFFFFFFFFFFF


def move_borders(content: bytearray) -> None:
    """Correct every list in a `.debug_loc` section."""
    at, previous = 0, -1
    while at < len(content):
        start, end = _PAIR.unpack_from(content, at)
        if start == end == 0 or start == _BASE_SELECTION:
            at, previous = at + _PAIR.size, -1
            continue
        if previous >= 0:
            before_start, before_end = _PAIR.unpack_from(content, previous)
            if before_end == start and before_end - before_start > 1:
                _PAIR.pack_into(content, previous, before_start, before_end - 1)
                _PAIR.pack_into(content, at, start - 1, end)
        previous = at
        (length,) = struct.unpack_from("<H", content, at + _PAIR.size)
        at += _PAIR.size + 2 + length
