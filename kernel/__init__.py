"""The kernel. Its folders are layers; each imports only the ones above it (docs/internals.md)."""
