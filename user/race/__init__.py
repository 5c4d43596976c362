"""A program whose processes and threads race each other through the kernel, and check what they see."""
