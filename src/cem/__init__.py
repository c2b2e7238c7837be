"""Real-time customer experience management for telecom call centres."""

__version__ = "0.1.0"
