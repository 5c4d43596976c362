"""What every program of ring 3 is linked with."""
