"""Whole sessions in a shell, with every word that is printed: see test_sessions.py."""
