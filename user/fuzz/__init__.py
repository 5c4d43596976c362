"""A program that makes random system calls."""
