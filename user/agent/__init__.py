"""The first process: it performs the system calls that the host asks for."""
