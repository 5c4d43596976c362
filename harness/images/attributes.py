"""Extended attributes (xattr(7)), as far as the kernel keeps them."""

from __future__ import annotations

import stat
from collections.abc import Mapping

from harness.images import limits
from harness.images.losses import Loss, Losses

USER, CAPABILITY = b"user.", b"security.capability"
CAPABILITY_SIZES = (20, 24)
"""Of the two versions of file capabilities (linux/capability.h)."""
ACCESS_LISTS = (b"system.posix_acl_access", b"system.posix_acl_default")


def kept(path: bytes, kind: int, given: Mapping[bytes, bytes], losses: Losses) -> dict[bytes, bytes]:
    """Those that a file of this kind can have in the kernel, in the order of their names; the others are noted."""
    found: dict[bytes, bytes] = {}
    room = limits.ATTRIBUTES_MAX
    for name in sorted(given):
        if name in ACCESS_LISTS:
            losses.note(Loss.ACCESS_LIST, path)
        elif not may_have(kind, name, given[name]) or len(name) + 1 > room:
            losses.note(Loss.ATTRIBUTE, path)
        else:
            room -= len(name) + 1
            found[name] = given[name]
    return found


def may_have(kind: int, name: bytes, value: bytes) -> bool:
    """Whether setxattr(2) of the kernel would take it."""
    if len(name) > limits.ATTRIBUTE_NAME_MAX or len(value) > limits.ATTRIBUTES_MAX or b"\0" in name:
        return False
    if name == CAPABILITY and len(value) not in CAPABILITY_SIZES:
        return False
    if name.startswith(USER) and kind not in (stat.S_IFREG, stat.S_IFDIR):
        return False
    return any(name.startswith(prefix) and name != prefix for prefix in limits.ATTRIBUTE_PREFIXES)
