"""The ELF note by which PVH loaders find the 32-bit entry (Xen, public/elfnote.h)."""

from __future__ import annotations

import struct

from codegen.linker import Note

XEN_ELFNOTE_PHYS32_ENTRY = 18

PVH_NOTE = Note("Xen", XEN_ELFNOTE_PHYS32_ENTRY, lambda symbols: struct.pack("<Q", symbols["pvh_entry"]))
