"""Epolls that watch epolls (epoll_ctl(2), ELOOP): to a depth of five, in no circle, and by few ways to one file.

Interface: `add` is EPOLL_CTL_ADD. The limits are those of Linux (fs/eventpoll.c), by which asking an epoll for its
readiness stays bounded: EP_MAX_NESTS, and path_limits for the ways that lead from a file up to epolls which nobody
watches.
"""

from __future__ import annotations

from codegen.lang import Array, Fallible, array, bounded, i32, local, on_error, struct, u32, u64
from kernel.base.errno import EINVAL, ELOOP
from kernel.files.epoll import Epoll
from kernel.files.file import OpenFile
from kernel.files.poll import readiness_changed

NESTS_MAX: u64 = 4
"""How many epolls may be above or below another one, in one line with it."""
PATH_LIMITS = (0, 500, 100, 50, 10)
"""How many ways of each length, counted from 0, may lead up from a file; those of length 0 are not limited."""
STEPS_MAX: u64 = 100_000
"""How much a check may have to look at; beyond, the epoll is taken to be too entangled (EINVAL)."""


@struct
class NestingChecks:
    """The source of the numbers of checks."""

    made: u64 = 0


CHECKS = NestingChecks()


@struct
class NestingCheck:
    """One walk through epolls that watch each other."""

    number: u64 = 0
    steps: u64 = 0
    paths: Array[u64] = array(5)

    def begin(self) -> None:
        """Know nothing of any epoll."""
        CHECKS.made += 1
        self.number = CHECKS.made

    def step(self) -> Fallible[None]:
        """Count one look. EINVAL after too many."""
        self.steps += 1
        if self.steps > STEPS_MAX:
            raise EINVAL

    @bounded(6)
    def depth_below(self, epoll: Epoll, above: Epoll, level: u64) -> Fallible[u64]:
        """How many epolls are below `epoll` in one line. ELOOP if `above` is among them, or they are too many."""
        if epoll is above or level > NESTS_MAX:
            raise ELOOP
        deepest: u64 = 0
        for interest in epoll.nested:
            self.step()
            below = interest.file.ops
            if isinstance(below, Epoll):
                if below.check != self.number:
                    below.depth = self.depth_below(below, above, level + 1)
                    below.check = self.number
                deepest = max(deepest, below.depth + 1)
        return deepest

    @bounded(6)
    def height_above(self, epoll: Epoll, level: u64) -> Fallible[u64]:
        """How many epolls are above `epoll` in one line."""
        file = epoll.file
        if file is None or level > NESTS_MAX:
            return 0
        highest: u64 = 0
        for interest in file.watchers:
            self.step()
            above = interest.epoll
            if above.check != self.number:
                above.depth = self.height_above(above, level + 1)
                above.check = self.number
            highest = max(highest, above.depth + 1)
        return highest

    @bounded(6)
    def check_below(self, epoll: Epoll) -> Fallible[None]:
        """`check_paths` of every file below `epoll`."""
        for interest in epoll.interests:
            self.step()
            below = interest.file.ops
            if not isinstance(below, Epoll):
                self.check_paths(interest.file)
            elif below.check != self.number:
                below.check = self.number
                self.check_below(below)

    def check_paths(self, file: OpenFile) -> Fallible[None]:
        """EINVAL if too many ways lead up from `file`."""
        for length in range(5):
            self.paths[length] = 0
        self.count_paths(file, 0)

    @bounded(6)
    def count_paths(self, file: OpenFile, length: u64) -> Fallible[None]:
        """Count the ways up from `file`, which is at the end of `length` epolls already."""
        if length > NESTS_MAX:
            raise EINVAL
        for interest in file.watchers:
            self.step()
            above = interest.epoll.file
            if above is not None and not above.watchers.is_empty:
                self.count_paths(above, length + 1)
            elif length > 0:
                self.paths[length] += 1
                if self.paths[length] > PATH_LIMITS[length]:
                    raise EINVAL


def add(epoll: Epoll, file: OpenFile, fd: i32, events: u32, data: u64) -> Fallible[None]:
    """EPOLL_CTL_ADD. EEXIST, ENOMEM; ELOOP and EINVAL for epolls that would watch each other in ways they may not."""
    ops = file.ops
    own = epoll.file
    is_watched = own is not None and not own.watchers.is_empty
    if isinstance(ops, Epoll):
        check_depth(epoll, ops)
    interest = epoll.add(file, fd, events, data)
    with on_error(interest.drop):
        check = local(NestingCheck)
        if isinstance(ops, Epoll):
            check.begin()
            check.check_below(ops)
        elif is_watched:
            check.check_paths(file)
    readiness_changed()


def check_depth(epoll: Epoll, below: Epoll) -> Fallible[None]:
    """ELOOP if `epoll` may not watch `below`."""
    check = local(NestingCheck)
    check.begin()
    depth = check.depth_below(below, epoll, 0)
    check.begin()
    if depth + 1 + check.height_above(epoll, 0) > NESTS_MAX:
        raise ELOOP
