"""The daemon is killed at any moment, again and again, while Services change: no connection notices."""

import http.client
import json
import os
import random
import signal
import socket
import threading
from collections import Counter
from contextlib import contextmanager, suppress

from netemu.linux import netns
from netemu.naming import pod_netns

DEATHS = 3
TIMEOUT_S = 30
SLICE = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/changing"
MANIFEST = """
apiVersion: v1
kind: Service
metadata: {name: changing}
spec: {ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: changing, labels: {kubernetes.io/service-name: changing}}
addressType: IPv4
ports: [{port: 80}]
endpoints: [{addresses: [%s]}]
"""


class ApiConnection(http.client.HTTPConnection):
    """HTTP over the daemon's socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Traffic:
    """Connections out of one pod: new ones every few milliseconds, and one that stays."""

    def __init__(self, place_fd, ips):
        self._place_fd = place_fd
        self._ips = ips
        self.stopped = threading.Event()
        self.asked = Counter()
        self.failed = []

    def come_and_go(self):
        while not self.stopped.wait(0.004):
            for ip in self._ips:
                self._note(ip, lambda ip=ip: self._ask(self._connected(ip)))

    def stay(self):
        connection = self._connected(self._ips[0], keep=True)
        while not self.stopped.wait(0.01) and not self.failed:
            self._note("kept", lambda: self._ask(connection))

    def answers(self):
        """Tell whether every address answers by now."""
        with suppress(OSError):
            for ip in self._ips:
                self._ask(self._connected(ip))
            return True

    def _note(self, what, ask):
        try:
            ask()
            self.asked[what] += 1
        except (OSError, http.client.HTTPException) as err:
            self.failed.append(f"{what}: {err!r}")

    def _connected(self, ip, *, keep=False):
        connection = http.client.HTTPConnection(ip)
        connection.auto_open = 0  # it would be outside of the pod
        connection.sock = netns.open_socket(self._place_fd, socket.AF_INET, socket.SOCK_STREAM)
        connection.sock.settimeout(TIMEOUT_S)
        connection.sock.connect((ip, 80))
        return connection

    def _ask(self, connection):
        connection.request("GET", "/")
        assert connection.getresponse().read()


def change_all_the_time(api_socket, ips, stopped):
    """Let the Service `changing` have one endpoint, the other or both, whenever there is an API."""
    while not stopped.wait(0.005):
        endpoints = [{"addresses": [ip]} for ip in random.choice([ips[:1], ips[1:], ips])]
        with suppress(OSError, http.client.HTTPException):
            connection = ApiConnection(api_socket)
            headers = {"Content-Type": "application/merge-patch+json"}
            connection.request("PATCH", SLICE, json.dumps({"endpoints": endpoints}), headers)
            connection.getresponse().read()
            connection.close()


@contextmanager
def working(*works):
    """Have threads at work for the length of a block, which must make them end."""
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join()


def test_no_connection_notices_that_the_daemon_is_killed_and_started_again(netemu, eventually):
    handle = netemu()
    handle.ok("up", "--nodes", "2")
    handle.ok("create", "deployment", "web", "--image", "nginx", "--replicas", "2", "--port", "80")
    handle.ok("expose", "deployment", "web")
    handle.ok("run", "client", "--image", "nginx")
    handle.ok("rollout", "status", "deployment/web")
    handle.wait("condition=Ready", "pod/client")
    pods = [pod["status"]["podIP"] for pod in handle.get("pods", "-l", "app=web")]
    handle.apply(MANIFEST % pods[0])
    ips = [handle.field(".spec.clusterIP", "service", name) for name in ("web", "changing")]
    place = pod_netns(handle.name, handle.field(".metadata.uid", "pod", "client"))
    api_socket = handle.status()["apiSocket"]

    with netns.opened(place) as place_fd:
        traffic = Traffic(place_fd, ips)
        eventually(traffic.answers)
        with working(
            traffic.come_and_go, traffic.stay, lambda: change_all_the_time(api_socket, pods, traffic.stopped)
        ):
            try:
                for _ in range(DEATHS):
                    traffic.stopped.wait(random.uniform(0.05, 0.5))
                    os.kill(handle.processes()["daemon"], signal.SIGKILL)
                    handle.ok("up")
            finally:
                traffic.stopped.set()

    assert not traffic.failed, traffic.failed[:5]
    assert min(traffic.asked[what] for what in (*ips, "kept")) > 50, traffic.asked
