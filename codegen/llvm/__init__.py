"""From graphs to LLVM: `text.lower_module` makes the text of a Python module, `machine.emit_object` its ELF object."""
