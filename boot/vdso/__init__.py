"""The vDSO: the calls about time that a program makes without entering the kernel (vdso(7))."""
