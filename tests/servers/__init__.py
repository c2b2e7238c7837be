"""Real servers as child processes, for tests and for development."""
