"""The ``Client`` Protocol over HTTP: for everything that is not the daemon itself."""
