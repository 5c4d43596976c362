"""Open files that tell a process by a signal when they are ready (O_ASYNC of fcntl(2)).

Interface: what may become ready has a `SignalledFiles` and calls `tell`; `FileOps.signalled` gives it.
"""

from __future__ import annotations

from codegen.lang import Fallible, hot, inline, struct, u64
from kernel.base.errno import ENOMEM
from kernel.base.list import List
from kernel.files.file import OpenFile
from kernel.files.route import Band

SIGNALLED_MAX: u64 = 64
"""How many may tell of one object: all are told each time."""


@struct
class SignalledFiles:
    """The open files of one object that have O_ASYNC."""

    files: List[OpenFile] = inline(List(OpenFile.signalled_link))

    def add(self, file: OpenFile) -> Fallible[None]:
        """`file`, which is on no such list, tells of the object from now on. ENOMEM when too many do."""
        if len(self.files) >= SIGNALLED_MAX:
            raise ENOMEM
        self.files.push_last(file)
        file.signalled_by = self

    def remove(self, file: OpenFile) -> None:
        """`file` does so no longer."""
        self.files.remove(file)
        file.signalled_by = None

    @inline
    @hot
    def tell(self, band: Band) -> None:
        """The object is ready, or has ended."""
        if not self.files.is_empty:
            self.tell_all(band)

    def tell_all(self, band: Band) -> None:
        """`tell` all of them: of input who may read, of room who may write."""
        for file in self.files:
            if (band == Band.INPUT and not file.is_readable) or (band == Band.OUTPUT and not file.is_writable):
                continue
            route = file.route
            if route is not None:
                route.tell(band)
