"""The wiring of pods by another process: what is asked, and what comes back."""

import asyncio
import socket
import threading

import pytest

from netemu.cluster.wirer import NodeWiring, WirerClient
from netemu.cluster.wires import serve
from netemu.cni.attachment import Attachment, PortMapping
from netemu.errors import KernelError
from netemu.runtime.errors import ControlError, DisconnectedError

NODE = NodeWiring("node-1", "ne-t-node-1")
POD = Attachment(
    container_id="u1",
    netns="/run/netns/p",
    pod_name="web",
    port_mappings=(PortMapping(host_port=80, container_port=8080),),
)


class Bench:
    """A workshop that notes what it is asked for and answers what it is told to."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def do(self, asked):
        self.asked.append((asked.op, asked.node, asked.attachment))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def serving(socket_path):
    """Serve a workshop to one connection after the other."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(socket_path))
    listener.listen()

    def work(bench, connections):
        for _ in range(connections):
            sock, _address = listener.accept()
            with sock:
                serve(sock, bench)

    threads = []

    def start(bench, *, connections=1):
        threads.append(threading.Thread(target=work, args=(bench, connections)))
        threads[-1].start()
        return bench

    yield start
    for thread in threads:
        thread.join(10)
    listener.close()


async def test_what_is_asked_arrives_whole_and_its_answer_comes_back(serving, socket_path):
    bench = serving(Bench(("10.244.0.2", "fd00::2"), None, True, False))
    client = WirerClient(socket_path)

    assert await client.attach(NODE, POD) == ("10.244.0.2", "fd00::2")
    assert await client.attach(NODE, POD) is None
    assert await client.detach(NODE, POD) is True
    assert await client.detach(NODE, POD) is False
    assert bench.asked == [(op, NODE, POD) for op in ("attach", "attach", "detach", "detach")]
    client.close()


async def test_many_may_ask_at_once_over_one_connection(serving, socket_path):
    serving(Bench(*((f"10.244.0.{number}",) for number in range(50))))
    client = WirerClient(socket_path)

    given = await asyncio.gather(*(client.attach(NODE, POD) for _ in range(50)))

    assert given == [(f"10.244.0.{number}",) for number in range(50)]
    client.close()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param(KernelError("no such link", errno=19, hint="Look."), "no such link", id="ours"),
        pytest.param(OSError(28, "No space left on device"), "No space left", id="the machine's"),
        pytest.param(KeyError("ips"), "ips", id="a fault"),
    ],
)
async def test_who_asks_hears_why_it_failed_and_others_are_served_on(serving, socket_path, fault, words):
    serving(Bench(fault, ("10.244.0.2",)))
    client = WirerClient(socket_path)

    with pytest.raises(ControlError, match=words):
        await client.attach(NODE, POD)
    assert await client.attach(NODE, POD) == ("10.244.0.2",)
    client.close()


async def test_without_a_server_it_says_so_and_finds_the_next_one(serving, socket_path):
    client = WirerClient(socket_path.with_name("nobody"))
    with pytest.raises(DisconnectedError):
        await client.attach(NODE, POD)

    serving(Bench(("10.244.0.2",), ("10.244.0.2",)), connections=2)
    client = WirerClient(socket_path)
    await client.attach(NODE, POD)
    client.close()
    assert await client.attach(NODE, POD) == ("10.244.0.2",)
    client.close()
