"""Commands in containers, over WebSocket: ``v5.channel.k8s.io`` and ``v4.channel.k8s.io``."""
