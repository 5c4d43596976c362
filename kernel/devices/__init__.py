"""Devices: what programs find in /dev, and the channel to the host."""
