"""What `make bench` runs in the guest: a loop around each thing that is measured."""
