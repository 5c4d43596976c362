"""Random numbers, each thread's its own."""

from __future__ import annotations

from codegen.lang import struct, u64, wrapping_mul, wrapping_shl


@struct
class Dice:
    """A xorshift64* generator (Marsaglia, Xorshift RNGs, 2003; Vigna 2016)."""

    state: u64 = 1

    def throw(self) -> u64:
        """Any number."""
        value = self.state
        value ^= value >> 12
        value ^= wrapping_shl(u64, value, 25)
        value ^= value >> 27
        self.state = value
        return wrapping_mul(u64, value, 0x2545_F491_4F6C_DD1D)

    def below(self, end: u64) -> u64:
        """A number from 0 up to `end`."""
        return (self.throw() >> 16) % end
