"""From power-on to `kernel_main`: entry stubs, the BIOS disk image, and every address in `layout`."""
