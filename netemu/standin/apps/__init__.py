"""What stand-ins do, one app a file: pure functions of a request, and the ports they serve."""
