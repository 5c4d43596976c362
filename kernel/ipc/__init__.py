"""What processes of a container share by numbers (sysvipc(7))."""
