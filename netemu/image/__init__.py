"""Images that users load: read from archives, unpacked into a cluster's state, found by reference."""
