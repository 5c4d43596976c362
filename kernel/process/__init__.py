"""Processes: how a program starts, forks, is signalled, ends and is waited for."""
