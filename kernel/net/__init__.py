"""Network: sockets, and the stack that each container has."""
