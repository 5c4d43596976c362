"""true(1): what the benchmark runs in the containers that it makes."""
