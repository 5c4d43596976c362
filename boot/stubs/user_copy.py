"""Touching user memory: the only kernel code in which a page fault may be refused.

While one of these runs, R9 holds where it goes on after a refused fault: `user_copy_fault`, to which the
page-fault handler sends it, jumps there. RDX counts the bytes that are not done. The bulk goes in words, that
of a long copy by one instruction; a fault in a word is tried again bytewise, so that the count is exact.
Between `user_copy_start` and `user_copy_end` no other memory is touched than the caller's buffer, so a fault
there is the user's. From `user_copy_now_start` on every fault is refused, also one that could be served.
"""

from __future__ import annotations

from collections.abc import Callable

from boot.stubs.registers import smap_flag
from codegen.stubs import Stub, Symbols
from kernel.machine.stubs import STRING_FAULT, STRING_TOO_LONG, WORD_FAULT

LONG = 256
"""From so many bytes on, REP MOVSQ, which takes long to begin, is faster than a loop."""


def _open(symbols: Symbols) -> str:
    """STAC where there is SMAP (SDM vol. 3A, section 4.6.1)."""
    return f"""
        cmp byte ptr [{smap_flag(symbols):#x}], 0
        je opened
        stac
    opened:
    """


def _close(symbols: Symbols) -> str:
    return f"""
        cmp byte ptr [{smap_flag(symbols):#x}], 0
        je closed
        clac
    closed:
    """


def _copy(symbols: Symbols, name: str) -> str:
    """copy_user(destination, source, length), while at least a word is left."""
    return f"""
        {_open(symbols)}
        cmp rdx, {LONG}
        jae long
        mov r9, {symbols[name + "_bytes"]:#x}
        cmp rdx, 32
        jb words
    block:
        mov rax, [rsi]
        mov r8, [rsi + 8]
        mov r10, [rsi + 16]
        mov r11, [rsi + 24]
        mov [rdi], rax
        mov [rdi + 8], r8
        mov [rdi + 16], r10
        mov [rdi + 24], r11
        add rsi, 32
        add rdi, 32
        sub rdx, 32
        cmp rdx, 32
        jae block
    words:
        cmp rdx, 8
        jb half
        mov rax, [rsi]
        mov [rdi], rax
        add rsi, 8
        add rdi, 8
        sub rdx, 8
        jmp words
    half:
        test dl, 4
        jz {symbols[name + "_bytes"]:#x}
        mov eax, [rsi]
        mov [rdi], eax
        add rsi, 4
        add rdi, 4
        sub rdx, 4
        jmp {symbols[name + "_bytes"]:#x}
    long:
        mov r9, {symbols[name + "_words_left"]:#x}
        mov rcx, rdx
        shr rcx, 3
        rep movsq
        and edx, 7
        mov r9, {symbols[name + "_bytes"]:#x}
        jmp half
    """


def _copy_words_left(symbols: Symbols, name: str) -> str:
    """A fault while RCX words, and what RDX says modulo 8, were left."""
    return f"""
        and edx, 7
        lea rdx, [rdx + rcx * 8]
        jmp {symbols[name + "_bytes"]:#x}
    """


def _copy_bytes(symbols: Symbols) -> str:
    done = symbols["user_copy_done"]
    return f"""
        mov r9, {done:#x}
    next:
        test rdx, rdx
        jz {done:#x}
        mov al, [rsi]
        mov [rdi], al
        inc rsi
        inc rdi
        dec rdx
        jmp next
    """


def _clear(symbols: Symbols) -> str:
    """clear_user(destination, length), while at least a word is left."""
    return f"""
        {_open(symbols)}
        mov rdx, rsi
        xor eax, eax
        cmp rdx, {LONG}
        jae long
        mov r9, {symbols["clear_user_bytes"]:#x}
    words:
        cmp rdx, 8
        jb {symbols["clear_user_bytes"]:#x}
        mov [rdi], rax
        add rdi, 8
        sub rdx, 8
        jmp words
    long:
        mov r9, {symbols["clear_user_words_left"]:#x}
        mov rcx, rdx
        shr rcx, 3
        rep stosq
        and edx, 7
        jmp {symbols["clear_user_bytes"]:#x}
    """


def _clear_words_left(symbols: Symbols) -> str:
    """A fault while RCX words, and what RDX says modulo 8, were left."""
    return f"""
        and edx, 7
        lea rdx, [rdx + rcx * 8]
        jmp {symbols["clear_user_bytes"]:#x}
    """


def _clear_bytes(symbols: Symbols) -> str:
    done = symbols["user_copy_done"]
    return f"""
        mov r9, {done:#x}
    next:
        test rdx, rdx
        jz {done:#x}
        mov [rdi], al
        inc rdi
        dec rdx
        jmp next
    """


def _string(symbols: Symbols) -> str:
    """copy_user_string(destination, source, maximum)."""
    return f"""
        {_open(symbols)}
        mov r9, {symbols["copy_user_string_fault"]:#x}
        xor ecx, ecx
    next:
        cmp rcx, rdx
        jae too_long
        mov al, [rsi + rcx]
        mov [rdi + rcx], al
        test al, al
        jz found
        inc rcx
        jmp next
    too_long:
        mov rcx, {STRING_TOO_LONG}
    found:
        mov rdx, rcx
        jmp {symbols["user_copy_done"]:#x}
    """


def _string_fault(symbols: Symbols) -> str:
    return f"""
        mov rdx, {STRING_FAULT}
        jmp {symbols["user_copy_done"]:#x}
    """


def _compare_exchange(symbols: Symbols) -> str:
    """compare_exchange_user(address, expected, new), of 32 bits."""
    return f"""
        {_open(symbols)}
        mov r9, {symbols["compare_exchange_user_fault"]:#x}
        mov eax, esi
        lock cmpxchg dword ptr [rdi], edx
        mov edx, eax
        jmp {symbols["user_copy_done"]:#x}
    """


def _compare_exchange_fault(symbols: Symbols) -> str:
    return f"""
        mov rdx, {WORD_FAULT}
        jmp {symbols["user_copy_done"]:#x}
    """


def _done(symbols: Symbols) -> str:
    """Return RDX."""
    return f"""
        {_close(symbols)}
        mov rax, rdx
        ret
    """


def _copies(name: str) -> tuple[Stub, ...]:
    """A copy, and where it goes on after a fault."""

    def of(code: Callable[[Symbols, str], str]) -> Callable[[Symbols], str]:
        return lambda symbols: code(symbols, name)

    return (
        Stub(name, "text", of(_copy)),
        Stub(name + "_words_left", "text", of(_copy_words_left)),
        Stub(name + "_bytes", "text", _copy_bytes),
    )


STUBS = (
    Stub("user_copy_start", "text", lambda _symbols: ""),
    *_copies("copy_user"),
    Stub("clear_user", "text", _clear),
    Stub("clear_user_words_left", "text", _clear_words_left),
    Stub("clear_user_bytes", "text", _clear_bytes),
    Stub("copy_user_string", "text", _string),
    Stub("compare_exchange_user", "text", _compare_exchange),
    Stub("user_copy_now_start", "text", lambda _symbols: ""),
    *_copies("copy_user_now"),
    Stub("user_copy_end", "text", lambda _symbols: ""),
    Stub("copy_user_string_fault", "text", _string_fault),
    Stub("compare_exchange_user_fault", "text", _compare_exchange_fault),
    Stub("user_copy_done", "text", _done),
    Stub("user_copy_fault", "text", lambda _symbols: "jmp r9"),
)
