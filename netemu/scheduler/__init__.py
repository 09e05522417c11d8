"""Give each pod a node.

``fit`` decides for one pod (pure), ``occupancy`` keeps what it decides from up to date by
events, ``loop`` binds through a ``Client``.
"""
