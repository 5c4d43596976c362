"""What can go wrong in making a disk image; apart, so that it can be named without loading the kernel."""

from __future__ import annotations


class DiskError(Exception):
    """The parts do not fit on a disk image."""


class BuildFailed(Exception):
    """A build in a process of its own failed; the text is what that process said."""
