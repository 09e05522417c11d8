"""Several streams over one connection that was upgraded: SPDY/3.1, also inside a WebSocket."""
