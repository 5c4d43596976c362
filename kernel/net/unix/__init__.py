"""Sockets within one machine (unix(7))."""
