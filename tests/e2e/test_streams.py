"""Commands, terminals, ports, files and HTTP that lead into pods, with the real kubectl.

``NETEMU_KUBECTLS`` (paths, with colons between) says which ones; without it, the machine's. The
old ones speak SPDY, the newer ones WebSocket: both are users.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import termios
import time
import urllib.request

import pytest

KUBECTLS = os.environ.get("NETEMU_KUBECTLS", "kubectl").split(":")
BIG_BYTES = 100 * 1024 * 1024
POD = "shell-1"  # see manifests/tests/world.yaml

READER = """
apiVersion: v1
kind: Pod
metadata: {name: reader}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers:
  - {name: c, image: busybox, stdin: true, stdinOnce: true, command: [sh, -c, "cat; echo over"]}
"""
TERMINAL = """
apiVersion: v1
kind: Pod
metadata: {name: terminal}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: busybox, stdin: true, tty: true, command: [sh]}]
"""


class Kubectl:
    """One kubectl, and the cluster's kubeconfig."""

    def __init__(self, program, kubeconfig):
        self.program = program
        self.environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "TERM": "xterm"}

    def run(self, *words, stdin=b""):
        return subprocess.run(
            [self.program, *words], input=stdin, env=self.environment, capture_output=True, timeout=180,
            check=False,
        )  # fmt: skip

    def start(self, *words):
        return subprocess.Popen(
            [self.program, *words], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def terminal(self, *words):
        return Terminal([self.program, *words], self.environment)


def _resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Terminal:
    """A person at a terminal of 33 lines and 101 columns."""

    def __init__(self, argv, environment):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            _resize(pty.STDIN_FILENO, 33, 101)
            os.execvpe(argv[0], argv, environment)
        self.heard = b""

    def resize(self, rows, columns):
        _resize(self.fd, rows, columns)

    def say(self, text):
        os.write(self.fd, text.encode())

    def hear(self, words, within_s=120):
        """Wait for words on the screen, and take them and all before."""
        deadline_s = time.monotonic() + within_s
        while words.encode() not in self.heard:
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline_s - time.monotonic()))
            assert ready, f"never heard {words!r}, but {self.heard!r}"
            self.heard += os.read(self.fd, 65536)
        self.heard = self.heard.partition(words.encode())[2]

    def end(self):
        """Wait for the program's end and give its exit status."""
        while True:
            try:
                piece = os.read(self.fd, 65536)
            except OSError:  # EIO: nobody has the other side open
                piece = b""
            if not piece:
                break
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture(scope="module", params=KUBECTLS)
def kubectl(request, cluster):
    program = shutil.which(request.param)
    assert program, f"these tests run the real kubectl: {request.param}"
    return Kubectl(program, cluster.kubeconfig)


@pytest.fixture
def forwarded(kubectl):
    """Give a function that forwards any local port, and says which."""
    started = []

    def forward(*words):
        process = kubectl.start("port-forward", *words)
        started.append(process)
        return int(process.stdout.readline().split(b"127.0.0.1:")[1].split()[0])

    yield forward
    for process in started:
        process.kill()
        process.communicate()


def test_a_command_has_its_output_errors_and_exit_code(kubectl):
    done = kubectl.run("exec", POD, "--", "sh", "-c", "echo out; echo err >&2; exit 7")

    assert (done.returncode, done.stdout) == (7, b"out\n")
    assert done.stderr.startswith(b"err\n")


def test_a_command_that_is_not_there_is_told(kubectl):
    done = kubectl.run("exec", POD, "--", "nope")

    assert done.returncode != 0
    assert b"executable file not found in $PATH" in done.stderr


def test_the_end_of_input_reaches_the_command(kubectl):
    done = kubectl.run("exec", "-i", POD, "--", "sh", "-c", "cat; echo over", stdin=b"hello\n")

    assert (done.returncode, done.stdout) == (0, b"hello\nover\n")


def test_much_output_comes_whole(kubectl):
    done = kubectl.run("exec", POD, "--", "head", "-c", str(BIG_BYTES), "/dev/zero")

    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(bytes(BIG_BYTES)).digest()


def test_much_input_arrives_whole(kubectl):
    done = kubectl.run("exec", "-i", POD, "--", "sha256sum", stdin=bytes(BIG_BYTES // 2))

    assert done.stdout.split()[0].decode() == hashlib.sha256(bytes(BIG_BYTES // 2)).hexdigest()


def test_a_terminal_is_one_with_a_size_and_keys(kubectl):
    person = kubectl.terminal("exec", "-it", POD, "--", "sh")
    person.hear("# ")
    person.say("tty; stty size\n")
    person.hear("/dev/pts/")
    person.hear("33 101")
    person.resize(40, 120)
    person.say("until stty size | grep '40 120'; do sleep 0.1; done; echo it grew\n")
    person.hear("\r\nit grew")
    person.say("sh -c 'echo in front; exec sleep 1000'\n")
    person.hear("in front\r\n")  # Until the shell has given the terminal away, ctrl-C is the shell's own.
    person.say("\x03")
    person.hear("# ")
    person.say("echo code=$?; exit 42\n")
    person.hear("code=130")

    assert person.end() == 42


def test_the_command_ends_with_its_client(kubectl, cluster, eventually):
    word = "31536"  # seconds; a number to know it by

    def sleeps():
        return cluster.inside(POD, "pgrep", "-f", f"sleep {word}").stdout.split()

    process = kubectl.start("exec", POD, "--", "sleep", word)
    eventually(sleeps)
    process.kill()
    process.communicate()

    eventually(sleeps, lambda found: found == [])


def test_attaching_is_to_speak_with_the_containers_own_command(kubectl, cluster, namespace):
    cluster.apply(READER, namespace)
    cluster.wait("condition=Ready", "pod/reader", "-n", namespace)

    done = kubectl.run("attach", "-n", namespace, "-i", "reader", stdin=b"hello\n")

    assert (done.returncode, done.stdout) == (0, b"hello\nover\n")
    assert cluster.ok("logs", "-n", namespace, "reader").startswith("hello\nover\n")


def test_attaching_to_a_terminal_is_to_have_it(kubectl, cluster, namespace):
    cluster.apply(TERMINAL, namespace)
    cluster.wait("condition=Ready", "pod/terminal", "-n", namespace)
    person = kubectl.terminal("attach", "-it", "-n", namespace, "terminal")
    person.say("\n")
    person.hear("# ")
    # kubectl attach reports one row and column more first, so that programs draw their screen anew.
    person.say("until stty size | grep '33 10[1]'; do sleep 0.1; done\n")
    person.hear("33 101")
    os.kill(person.pid, signal.SIGKILL)
    person.end()

    assert cluster.field(".status.phase", "pod/terminal", "-n", namespace) == "Running"


def test_ports_are_forwarded_one_connection_after_the_other(kubectl, forwarded):
    port = forwarded("deployment/web", ":8080")
    answers = [urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30).read() for _ in range(5)]

    assert [answer.startswith(b"Hostname: web-") for answer in answers] == [True] * 5


def test_a_services_port_is_forwarded_to_one_of_its_pods(kubectl, forwarded):
    port = forwarded("service/web", ":http")

    assert b"Hostname: web-" in urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30).read()


def test_files_are_copied_there_and_back(kubectl, tmp_path):
    (tmp_path / "there").write_bytes(os.urandom(1_000_000))
    kubectl.run("cp", str(tmp_path / "there"), f"{POD}:/tmp/copied")
    kubectl.run("cp", f"{POD}:/tmp/copied", str(tmp_path / "back"))

    assert (tmp_path / "back").read_bytes() == (tmp_path / "there").read_bytes()


def test_logs_are_followed_until_the_container_ends(kubectl, cluster, namespace):
    script = "for i in 1 2 3; do echo $i; sleep 0.2; done"
    words = ("--image=busybox", "--restart=Never", "--command", "--", "sh", "-c", script)
    kubectl.run("run", "talker", "-n", namespace, *words)
    cluster.wait("jsonpath={.status.containerStatuses[0].containerID}", "pod/talker", "-n", namespace)

    done = kubectl.run("logs", "-f", "-n", namespace, "talker", "--pod-running-timeout=120s")

    assert done.stdout == b"1\n2\n3\n"


@pytest.mark.parametrize("name", ["services/web:http", "services/web:80"])
def test_services_answer_through_the_api_server(kubectl, name):
    done = kubectl.run("get", "--raw", f"/api/v1/namespaces/default/{name}/proxy/")

    assert b'"pod":"web-' in done.stdout


def test_a_service_without_endpoints_is_told(kubectl, cluster, namespace):
    cluster.ok("create", "deployment", "none", "--image=whoami", "--replicas=0", "-n", namespace)
    cluster.ok("expose", "deployment/none", "--port=80", "-n", namespace)
    done = kubectl.run("get", "--raw", f"/api/v1/namespaces/{namespace}/services/none:80/proxy/")

    assert b'no endpoints available for service "none"' in done.stderr


def test_netemus_own_words_do_the_same(cluster, tmp_path):
    (tmp_path / "there").write_text("hello")
    cluster.ok("cp", str(tmp_path / "there"), f"{POD}:/tmp/own")
    cluster.ok("cp", f"{POD}:/tmp/own", str(tmp_path / "back"))

    assert (tmp_path / "back").read_text() == "hello"
