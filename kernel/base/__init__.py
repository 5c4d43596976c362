"""What every layer of the kernel uses: errors, log, panic, lists, trees, bit maps, rings, text, locks."""
