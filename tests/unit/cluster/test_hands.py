import errno
import os
import resource
import socket
import sys

import pytest

from netemu.cluster.hands import accept


def test_who_imports_it_keeps_what_the_process_does_without():
    assert "ssl" not in sys.modules or sys.modules["ssl"] is not None


@pytest.fixture
def listener(tmp_path):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        listening.listen()
        yield listening


def test_a_connection_for_which_there_is_no_descriptor_is_taken_once_there_is_one(listener):
    pauses = []
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(listener.getsockname())
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest_free = os.dup(listener.fileno())
        os.close(lowest_free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))

        def pause(seconds):
            pauses.append(seconds)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft if len(pauses) == 6 else lowest_free, hard))

        try:
            taken = accept(listener, pause)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        with taken:
            client.sendall(b"x")
            heard = taken.recv(1)

    assert heard == b"x"
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0]


def test_what_does_not_pass_is_not_waited_for(listener):
    listener.shutdown(socket.SHUT_RDWR)

    with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
        accept(listener, pytest.fail)
