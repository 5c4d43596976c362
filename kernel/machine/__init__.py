"""x86-64 facts: the only folder that names an instruction, a control register or a device of the processor.

Citations are to the Intel 64 and IA-32 Architectures Software Developer's Manual (SDM) unless another is
named.
"""
