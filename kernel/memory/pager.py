"""Pager: what serves the pages of a mapping; a file implements it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import Fallible, FrameNumber, Interface, u64

if TYPE_CHECKING:
    from kernel.memory.region import Region


class Pager(Interface):
    """The contents behind a mapping, page by page."""

    def page(self, index: u64) -> Fallible[FrameNumber]:
        """The frame of page `index`, lent: the mapping shares it. ENXIO beyond the end; ENOMEM."""
        ...

    def own_page(self, index: u64) -> Fallible[FrameNumber]:
        """The frame of page `index`, as one that may be written to. ENXIO beyond the end; ENOMEM."""
        ...

    def has_page(self, index: u64) -> bool:
        """Whether page `index` is in memory without being asked for."""
        ...

    def note_write(self) -> None:
        """A page is about to be written to by way of a mapping."""
        ...

    def identity(self) -> u64:
        """Its number (identity.py): shared memory is the same where this is."""
        ...

    def hold(self) -> None:
        """One reference of a region more."""
        ...

    def drop(self) -> None:
        """One reference of a region less. Not under a spinlock: it may be the last."""
        ...

    def enter(self, region: Region) -> None:
        """`region`, which has a reference, shows it from now on."""
        ...

    def leave(self, region: Region) -> None:
        """`region` shows nothing of it any more; its reference is still to be dropped."""
        ...
