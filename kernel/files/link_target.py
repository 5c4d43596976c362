"""Where symbolic links point, of those whose target is short: longer ones take a page."""

from __future__ import annotations

from codegen.lang import Array, array, struct, u8, u64

TARGET_MAX = 256
"""The longest target of a symbolic link that is kept in a `LinkTarget`; longer ones take a page."""


@struct
class LinkTarget:
    """Where a symbolic link points."""

    length: u64 = 0
    text: Array[u8] = array(TARGET_MAX)
