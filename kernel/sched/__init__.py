"""Threads: who runs, who waits, and when the clock says so."""
