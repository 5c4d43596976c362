"""Boots machines, makes system calls in them from Python, and looks at everything they do."""
