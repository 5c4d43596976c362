"""Programs of ring 3, in the kernel language."""
