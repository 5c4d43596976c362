"""What the kernel can keep of a file: its own constants once more, as importing all of the kernel takes long.

tests/harness/test_images.py holds them to the kernel's.
"""

from __future__ import annotations

NAME_MAX = 255
"""The longest name (kernel/files/flags.py)."""
PATH_MAX = 4096
"""The longest path and target of a link, with a zero byte."""
SYMLINK_MAX = 40
"""How many links a path may lead through."""
LINKS_MAX = 65_000
"""How many names a file may have (kernel/files/tree.py)."""
FILE_MAX = (4 + 512 + 512 * 512) * 4096
"""The largest file that is taken along; the kernel has larger ones (kernel/files/content.py)."""
ATTRIBUTE_NAME_MAX = 255
ATTRIBUTES_MAX = 65_536
"""The longest name and value of an extended attribute, and all names of a file with a zero byte each (extended.py)."""
ATTRIBUTE_PREFIXES = (b"user.", b"trusted.", b"security.")
"""The kinds of extended attributes that there are (kernel/syscalls/files_extended.py)."""

INODE = 512
DIRECTORY = 64
CONTENT = 256
TARGET = 384
LONG_TARGET = CONTENT + 4096
ENTRY = 192
LONG_NAME = 256
ATTRIBUTES = 48
ATTRIBUTE = 384
"""Bytes of heap that the kernel's objects take (kernel/memory/heap.py)."""
TARGET_SHORT = 256
"""The longest target of a link that is kept as a TARGET."""
NAME_SHORT = 32
"""The longest name that needs no LONG_NAME."""

NO_ID = (1 << 32) - 1
"""The user and group that chown(2) takes for none."""
NOBODY = 65_534
"""Whom a file belongs to whose owner cannot be kept, as with Linux' overflowuid."""
MOMENT_MIN, MOMENT_MAX = -(1 << 63), (1 << 63) - 1
"""The seconds that a time can be at."""
