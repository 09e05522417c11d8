"""The stand-in server: the sockets of every container that is played, in one process."""
