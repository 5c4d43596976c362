"""The remote-call protocol of the channel (docs/internals.md); all integers little-endian.

Both sides take their numbers from here: the agent compiles this module, the harness imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codegen.lang import u32, u64

REQUEST_MAGIC: u32 = 0x50495448
REPLY_MAGIC: u32 = 0x50495452
VERSION: u64 = 1

REQUEST_SIZE: u64 = 64
"""magic u32, sequence u32, number u32, buffers u32, arguments 6 * u64."""

BUFFER_SIZE: u64 = 24
"""target u32, position u32, direction u32, zero u32, length u64; then the bytes, if they go in."""

REPLY_SIZE: u64 = 16
"""magic u32, sequence u32, result i64; then the bytes of each buffer that goes out, in order."""

ARGUMENTS: u64 = 6
TARGET_ARGUMENTS: u32 = 0xFFFFFFFF
"""`target` of a buffer whose address becomes argument `position`; other targets are earlier buffers,
which get the address at byte `position`."""

DIRECTION_IN: u32 = 1
DIRECTION_OUT: u32 = 2

BUFFERS_MAX: u64 = 4096
ARENA_SIZE: u64 = 1 << 20
"""The bytes that the buffers of one request may take together, each rounded up to 16."""

HELLO: u32 = 0xFFFF0001
"""A request of the agent itself: the result is VERSION."""

READY: u64 = 1
"""The result of the reply with sequence 0, which the agent sends when it starts."""
