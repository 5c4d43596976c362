"""A program that does what a test tells it, one system call at a time."""
