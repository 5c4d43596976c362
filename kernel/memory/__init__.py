"""Memory: who pays, frames, heaps, page tables, address spaces, faults and access to user memory."""
