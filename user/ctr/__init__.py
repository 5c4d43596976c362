"""ctr: containers by docker's words, from inside; and the first process of a machine without a host."""
