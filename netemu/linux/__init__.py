"""The only code that talks to the kernel: namespaces, links, routes, mounts, processes, rules."""
