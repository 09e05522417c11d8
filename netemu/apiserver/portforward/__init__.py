"""Ports of pods, forwarded to clients: over SPDY, SPDY in a WebSocket, and WebSocket messages."""
