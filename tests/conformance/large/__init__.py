"""Large programs of Debian as they are shipped: what they do here is what they do on Linux."""
