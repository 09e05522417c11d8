"""The API over its Unix socket, for other processes: light, no HTTP framework."""
