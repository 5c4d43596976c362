"""A dozen kernel-like functions in the kernel language and in C, compared by the instructions that they take."""
