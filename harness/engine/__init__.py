"""What happens between the host and one container: its users, volumes and streams."""
