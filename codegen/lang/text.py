"""Text: where an f-string goes piece by piece."""

from __future__ import annotations

from typing import TypeVar

C = TypeVar("C")


def text_sink(cls: type[C]) -> type[C]:
    """Calling an instance of the struct class below with an f-string feeds it the pieces.

    The class has methods begin(), text(Slice[u8]), unsigned(u64), signed(i64), hexadecimal(u64)
    and end(); compiled code calls them in order of the f-string. On the host `__call__(message)` is called.
    """
    cls.__text_sink__ = True  # type: ignore[attr-defined]
    return cls
