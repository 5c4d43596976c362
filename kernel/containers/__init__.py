"""Containers: the kernel object that owns processes, pages, files and limits."""
