"""Blocks of ChaCha20 (RFC 8439, section 2.3), by vector registers: a row of the state in each.

As in whole_pages.py, the registers are borrowed. What they held of the stream is gone when the program's values are
back in them, and no part of it is left on the stack.
"""

from __future__ import annotations

from codegen.stubs import Stub, Symbols

VECTOR = 16
BORROWED = tuple(f"xmm{number}" for number in range(5))
"""The four rows, and a place for the bits that a rotation moves around."""
ROW_0, ROW_1, ROW_2, ROW_3, SPARE = BORROWED
ROWS = (ROW_0, ROW_1, ROW_2, ROW_3)
DOUBLE_ROUNDS = 10
COUNTER = 48
BLOCK = 64


def _rotate(row: str, count: int) -> str:
    return f"movdqa {SPARE}, {row}\npslld {row}, {count}\npsrld {SPARE}, {32 - count}\npor {row}, {SPARE}"


def _step(sum_row: str, added: str, turned: str, count: int) -> str:
    """A third of a quarter round, four times side by side (RFC 8439, section 2.1)."""
    return f"paddd {sum_row}, {added}\npxor {turned}, {sum_row}\n{_rotate(turned, count)}"


def _quarter_rounds() -> str:
    steps = ((ROW_0, ROW_1, ROW_3, 16), (ROW_2, ROW_3, ROW_1, 12), (ROW_0, ROW_1, ROW_3, 8), (ROW_2, ROW_3, ROW_1, 7))
    return "\n".join(_step(*step) for step in steps)


def _turn(first: int, second: int, third: int) -> str:
    """Let the diagonals be columns, or the other way round: turn three rows by so many words."""
    orders = {1: 0x39, 2: 0x4E, 3: 0x93}
    turns = zip(ROWS[1:], (first, second, third), strict=True)
    return "\n".join(f"pshufd {row}, {row}, {orders[words]}" for row, words in turns)


def _blocks(_symbols: Symbols) -> str:
    newline = "\n"
    saved = [f"movups [rsp + {VECTOR * index}], {name}" for index, name in enumerate(BORROWED)]
    restored = [f"movups {name}, [rsp + {VECTOR * index}]" for index, name in enumerate(BORROWED)]
    loaded = [f"movups {name}, [rdi + {VECTOR * index}]" for index, name in enumerate(ROWS)]
    stored = [
        f"movups {SPARE}, [rdi + {VECTOR * index}]\npaddd {name}, {SPARE}\nmovups [rsi + {VECTOR * index}], {name}"
        for index, name in enumerate(ROWS)
    ]
    return f"""
        sub rsp, {VECTOR * len(BORROWED)}
        {newline.join(saved)}
    each_block:
        {newline.join(loaded)}
        mov ecx, {DOUBLE_ROUNDS}
    each_round:
        {_quarter_rounds()}
        {_turn(1, 2, 3)}
        {_quarter_rounds()}
        {_turn(3, 2, 1)}
        dec ecx
        jnz each_round
        {newline.join(stored)}
        inc dword ptr [rdi + {COUNTER}]
        add rsi, {BLOCK}
        dec rdx
        jnz each_block
        {newline.join(restored)}
        add rsp, {VECTOR * len(BORROWED)}
        ret
    """


STUBS = (Stub("chacha_blocks", "text", _blocks),)
