"""Pager: what serves the pages of a mapping; a file implements it."""

from __future__ import annotations

from codegen.lang import Fallible, FrameNumber, Interface, u64


class Pager(Interface):
    """The contents behind a mapping, page by page."""

    def page(self, index: u64) -> Fallible[FrameNumber]:
        """The frame of page `index`, lent: the mapping shares it. ENXIO beyond the end; ENOMEM."""
        ...

    def own_page(self, index: u64) -> Fallible[FrameNumber]:
        """The frame of page `index`, as one that may be written to. ENXIO beyond the end; ENOMEM."""
        ...

    def hold(self) -> None:
        """A mapping uses it from now on."""
        ...

    def drop(self) -> None:
        """A mapping that held it is gone."""
        ...
