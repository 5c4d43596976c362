"""memcpy, memmove, memset and memcmp: the functions that LLVM calls on its own.

Written for QEMU's TCG as well as for hardware. Under TCG `rep movsb` and `rep stosb` run one byte a step:
8.8 µs for a page, against 1.2 µs for `rep movsq` and 0.4 µs for unrolled 8-byte stores. So the bulk goes in
unrolled 8-byte moves, more of them a round for what is large, and only the last bytes singly. System V calling
convention: rdi, rsi, rdx; result rax.
"""

from __future__ import annotations

from codegen.stubs import Stub, Symbols

LARGE = 256
"""From so many bytes on, so many are cleared, or half as many copied, in a round."""
SCRATCH = ("r8", "r9", "r10", "r11")


def _copy_words(count: int) -> str:
    """Copy `count` words, a multiple of four: loads before stores, as the ranges may overlap."""
    lines = []
    for start in range(0, 8 * count, 32):
        lines += [f"mov {name}, [rsi + {start + 8 * index}]" for index, name in enumerate(SCRATCH)]
        lines += [f"mov [rdi + {start + 8 * index}], {name}" for index, name in enumerate(SCRATCH)]
    return "\n".join(lines)


def _set_words(count: int) -> str:
    """Store the word in RAX `count` times."""
    return "\n".join(f"mov [rdi + {8 * index}], rax" for index in range(count))


def _forward(_symbols: Symbols) -> str:
    """Copy upwards: right for separate ranges, and when the destination is below the source."""
    return f"""
        mov rax, rdi
        cmp rdx, {LARGE}
        jae large
    blocks:
        mov rcx, rdx
        shr rcx, 5
        jz words
    block:
        {_copy_words(4)}
        add rsi, 32
        add rdi, 32
        dec rcx
        jnz block
    words:
        mov ecx, edx
        and ecx, 31
        shr ecx, 3
        jz tail
    each_word:
        mov r8, [rsi]
        mov [rdi], r8
        add rsi, 8
        add rdi, 8
        dec ecx
        jnz each_word
    tail:
        and edx, 7
        jz done
    each_byte:
        mov r8b, [rsi]
        mov [rdi], r8b
        inc rsi
        inc rdi
        dec edx
        jnz each_byte
    done:
        ret
    large:
        {_copy_words(LARGE // 16)}
        add rsi, {LARGE // 2}
        add rdi, {LARGE // 2}
        sub rdx, {LARGE // 2}
        cmp rdx, {LARGE // 2}
        jae large
        jmp blocks
    """


def _move(symbols: Symbols) -> str:
    """Copy downwards when the destination begins inside the source, else as memcpy."""
    return f"""
        mov rax, rdi
        sub rax, rsi
        cmp rax, rdx
        jae {symbols["memcpy"]:#x}
        mov rax, rdi
        mov rcx, rdx
        shr rcx, 3
        jz tail
    each_word:
        mov r8, [rsi + rdx - 8]
        mov [rdi + rdx - 8], r8
        sub rdx, 8
        dec rcx
        jnz each_word
    tail:
        test rdx, rdx
        jz done
    each_byte:
        mov r8b, [rsi + rdx - 1]
        mov [rdi + rdx - 1], r8b
        dec rdx
        jnz each_byte
    done:
        ret
    """


def _set(_symbols: Symbols) -> str:
    return f"""
        mov r9, rdi
        movzx eax, sil
        mov r8, 0x0101010101010101
        imul rax, r8
        cmp rdx, {LARGE}
        jae large
    blocks:
        mov rcx, rdx
        shr rcx, 6
        jz words
    block:
        {_set_words(8)}
        add rdi, 64
        dec rcx
        jnz block
    words:
        mov ecx, edx
        and ecx, 63
        shr ecx, 3
        jz tail
    each_word:
        mov [rdi], rax
        add rdi, 8
        dec ecx
        jnz each_word
    tail:
        and edx, 7
        jz done
    each_byte:
        mov [rdi], al
        inc rdi
        dec edx
        jnz each_byte
    done:
        mov rax, r9
        ret
    large:
        {_set_words(LARGE // 8)}
        add rdi, {LARGE}
        sub rdx, {LARGE}
        cmp rdx, {LARGE}
        jae large
        jmp blocks
    """


def _compare(_symbols: Symbols) -> str:
    """memcmp(3): words while they agree, then the bytes that decide."""
    return """
        mov rcx, rdx
        shr rcx, 3
        jz tail
    each_word:
        mov r8, [rsi]
        cmp r8, [rdi]
        jne differs
        add rsi, 8
        add rdi, 8
        dec rcx
        jnz each_word
    tail:
        and edx, 7
        jz equal
        jmp each_byte
    differs:
        mov edx, 8
    each_byte:
        movzx eax, byte ptr [rdi]
        movzx ecx, byte ptr [rsi]
        sub eax, ecx
        jnz done
        inc rsi
        inc rdi
        dec edx
        jnz each_byte
    equal:
        xor eax, eax
    done:
        ret
    """


MEMORY_STUBS: tuple[Stub, ...] = (
    Stub("memcpy", "text", _forward),
    Stub("memmove", "text", _move),
    Stub("memset", "text", _set),
    Stub("memcmp", "text", _compare),
    Stub("bcmp", "text", _compare),
)
"""The linker adds those that the program asks for and no stub of its own gives (memmove brings memcpy)."""
