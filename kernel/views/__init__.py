"""Views: what a container sees of itself under /proc."""
