"""``agnhost``, the program that Kubernetes' tests run in their pods: what it answers, and the program.

Only Python's own library: containers see this package alone, and the machine's python3.
Source of flags, ports, paths and words: kubernetes, test/images/agnhost.
"""
