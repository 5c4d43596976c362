"""Clearing and copying whole pages, 16 bytes at a time.

Compiled kernel code has no vector registers, so that an entry need not save those of the program. Where thousands of
bytes are at stake it pays to borrow some: they are put on the stack and taken back, and an interrupt in between may
do the same. Only the low 16 bytes change; the SSE forms of the instructions leave the upper half of YMM as it is (SDM
vol. 1, section 14.3). The pages are aligned.
"""

from __future__ import annotations

from codegen.stubs import Stub, Symbols

PAGE = 4096
VECTOR = 16
ROUND = 2048
"""Bytes in a round of either loop."""
BORROWED = tuple(f"xmm{number}" for number in range(4))


def _clear(_symbols: Symbols) -> str:
    stores = "\n".join(f"movaps [rdi + {place}], xmm0" for place in range(0, ROUND, VECTOR))
    return f"""
        sub rsp, {VECTOR}
        movups [rsp], xmm0
        xorps xmm0, xmm0
        mov ecx, {PAGE // ROUND}
    each_round:
        {stores}
        add rdi, {ROUND}
        dec ecx
        jnz each_round
        movups xmm0, [rsp]
        add rsp, {VECTOR}
        ret
    """


def _copy(_symbols: Symbols) -> str:
    moves = []
    for start in range(0, ROUND, VECTOR * len(BORROWED)):
        moves += [f"movaps {name}, [rsi + {start + VECTOR * index}]" for index, name in enumerate(BORROWED)]
        moves += [f"movaps [rdi + {start + VECTOR * index}], {name}" for index, name in enumerate(BORROWED)]
    newline = "\n"
    return f"""
        sub rsp, {VECTOR * len(BORROWED)}
        {newline.join(f"movups [rsp + {VECTOR * index}], {name}" for index, name in enumerate(BORROWED))}
        mov ecx, {PAGE // ROUND}
    each_round:
        {newline.join(moves)}
        add rsi, {ROUND}
        add rdi, {ROUND}
        dec ecx
        jnz each_round
        {newline.join(f"movups {name}, [rsp + {VECTOR * index}]" for index, name in enumerate(BORROWED))}
        add rsp, {VECTOR * len(BORROWED)}
        ret
    """


STUBS = (Stub("clear_page", "text", _clear), Stub("copy_page", "text", _copy))
