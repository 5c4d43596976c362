"""Small ELF files by hand: programs of a few instructions, and files that only look like programs."""

from __future__ import annotations

import struct
from pathlib import Path

BASE = 0x400000
HEADERS = 64 + 2 * 56
X86_64, AARCH64 = 62, 183
EXIT_5 = b"\xbf\x05\x00\x00\x00\xb8\xe7\x00\x00\x00\x0f\x05"  # exit_group(5)

PROGRAMS = {
    "fine": EXIT_5,
    "fault": b"\x31\xc0\x89\x00" + EXIT_5,  # xor eax, eax; mov [rax], eax
    "privileged": b"\xfa" + EXIT_5,  # cli
    "undefined": b"\x0f\x0b" + EXIT_5,  # ud2
    "divide": b"\x31\xc9\xf7\xf1" + EXIT_5,  # xor ecx, ecx; div ecx
}


def elf(code: bytes, *, machine: int = X86_64, wide: int = 2, segments: tuple[int, ...] = (BASE,)) -> bytes:
    """A static ELF64 file (System V gABI, chapter 4) each of whose segments is all of it, at these addresses."""
    size = HEADERS + len(code)
    identity = b"\x7fELF" + bytes((wide, 1, 1)) + bytes(9)
    header = identity + struct.pack(
        "<HHIQQQIHHHHHH", 2, machine, 1, segments[0] + HEADERS, 64, 0, 0, 64, 56, len(segments), 0, 0, 0
    )
    table = b"".join(struct.pack("<IIQQQQQQ", 1, 5, 0, place, place, size, size, 4096) for place in segments)
    return (header + table).ljust(HEADERS, b"\0") + code


def add_programs(folder: Path) -> None:
    """Put all of them into /bin of a root file system."""
    files = {name: elf(code) for name, code in PROGRAMS.items()}
    files |= {
        "bad-text": b"this is no program, and has no #!\n",
        "bad-machine": elf(EXIT_5, machine=AARCH64),
        "bad-class": elf(EXIT_5, wide=1),
        "bad-truncated": elf(EXIT_5)[:100],
        "bad-overlapping": elf(EXIT_5, segments=(BASE, BASE)),
        "bad-outside": elf(EXIT_5, segments=(0xFFFFFFFF80000000,)),
    }
    for name, content in files.items():
        path = folder / "bin" / name
        path.write_bytes(content)
        path.chmod(0o755)
