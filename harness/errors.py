"""The errors that the harness shows to people: one line that says what happened and what to do."""

from __future__ import annotations


class HarnessError(Exception):
    """Something outside of the guest went wrong; `str()` of it is one line for the user."""


class MachineDied(HarnessError):
    """The machine ended, or its channel closed, while it was still needed."""


class GuestPanic(MachineDied):
    """The kernel of the machine panicked: it found a fault of its own."""
