"""The compiler of the kernel language; `codegen.lang` is what kernel modules import."""
