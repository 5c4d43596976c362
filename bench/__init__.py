"""What `make bench` measures: builds, starts, and what the kernel does for an instruction count."""
