"""The system-call surface: one file a man-page family, each call declared once."""
