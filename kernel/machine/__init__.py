"""x86-64: the only layer that names an instruction, a register or a port."""
