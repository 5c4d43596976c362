"""Every address that parts of Pithos agree on. The one module outside of its layers that the kernel imports.

Virtual memory is that of 4-level paging (Intel SDM vol. 3A, section 4.5): user programs in the lower half,
the kernel in the upper, alike in every address space.
"""

from __future__ import annotations

PAGE_SIZE = 4096
LARGE_PAGE_SIZE = 2 << 20

# Virtual addresses.

USER_START = 0x10000
"""The lowest address that a program may map: null pointers with small offsets always fault."""

USER_END = 0x7FFFFFFFF000
"""One past the highest. The last page of the lower half stays empty: `sysret` to a non-canonical address
would fault in ring 0 (Intel SDM vol. 2B, SYSRET)."""

DIRECT_MAP = 0xFFFF800000000000
"""Physical address 0 of the map of all memory."""

STACK_AREA = 0xFFFFC00000000000
"""Kernel stacks: a slot each, whose lower half is a guard that is never mapped."""

STACK_SLOT_SIZE = 32 << 10
STACK_SIZE = 16 << 10

KERNEL_BASE = 0xFFFFFFFF80000000
"""Physical address 0 as the kernel image is linked: 2 GiB below the top, for 32-bit signed addresses."""

# Physical addresses.

LOW_MEMORY_END = 0x100000
"""Below: firmware tables, video memory, and what the boot loaders leave there. Never allocated."""

TRAMPOLINE = 0x70000
"""A page where other processors begin in real mode (boot/stubs/trampoline.py); no firmware or loader has data here."""

START_ORDER = TRAMPOLINE + 0x800
"""In the same page: what the next processor to start needs to know (kernel/machine/trampoline.py)."""

BOOT_TABLES = 0x100000
"""The first page tables, seven pages: in use until a processor loads those of the kernel."""

BOOT_TABLES_SIZE = 7 * PAGE_SIZE

BOOT_STACK = 0x110000
"""The stack of the boot processor; its idle thread keeps it."""

BOOT_STACK_SIZE = 32 << 10
BOOT_STACK_TOP = BOOT_STACK + BOOT_STACK_SIZE

BOOT_AREA_END = 0x120000
"""One past what is reserved above low memory besides the image."""

KERNEL_PHYSICAL = 0x200000
"""Where the image is loaded: boot section first, then text, rodata, data, bss."""

KERNEL_VIRTUAL = KERNEL_BASE + KERNEL_PHYSICAL

LOCAL_APIC = 0xFEE00000
"""Intel SDM vol. 3A, section 10.4.1."""

IO_APIC = 0xFEC00000
"""Intel 82093AA data sheet, section 3.1."""

BOOT_MAPPED = 4 << 30
"""How much of physical memory the first page tables map directly."""

# What the BIOS disk loader uses (boot/disk.py), all below 640 KiB.

DISK_MEMORY_MAP = 0x5000
"""The memory map that it hands over."""

DISK_BOOT_SECTOR = 0x7C00
"""Where a BIOS puts the first sector of a disk."""

DISK_LOADER = 0x7E00
"""The second stage: data, then code."""

DISK_BUFFER = 0x10000
"""Where the BIOS reads sectors to."""

# Segment selectors (the table is kernel/machine/segments.py), those of ring 3 as on Linux; SYSRET fixes their order.

KERNEL_CODE = 0x08
KERNEL_DATA = 0x10
USER_CODE_32 = 0x20 | 3
USER_DATA = 0x28 | 3
USER_CODE = 0x30 | 3
TASK_STATE = 0x38

# Ports of the debug exit device.

EXIT_PORT = 0xF4

# How many processors the kernel has room for.

MAXIMUM_CPUS = 16

# How long the command line may be, with its zero byte.

LONGEST_COMMAND_LINE = 1024
