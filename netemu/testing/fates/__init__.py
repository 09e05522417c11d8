"""One table of what becomes of packets to Services, for the walker and for the kernel.

``case`` has the dimensions, ``table`` combines them, ``oracle`` says what Kubernetes documents,
``manifest`` writes the Services and slices; ``journey`` walks a case, ``probe`` sends it.
"""
