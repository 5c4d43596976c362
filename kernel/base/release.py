"""What the kernel calls itself (uname(2), /proc/version).

The release is that of the Linux whose calls are meant: C libraries refuse to run on an old one.
"""

from __future__ import annotations

SYSTEM = b"Linux"
RELEASE = b"6.1.0-pithos"
VERSION = b"#1 Pithos"
DOMAIN = b"(none)"
"""The domain of every container: it cannot be set."""
