"""Real clusters, driven through the command line as a user drives them. As root."""

from __future__ import annotations

import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

ROOT = Path(__file__).parent.parent.parent
MANIFESTS = Path(__file__).parent / "manifests"
CLIENTS = ROOT / ".cache/clients"  # by scripts/clients
PAUSE_S = 0.05
PATIENCE_S = 120.0
"""What holds, holds long before, but on a machine that is slow and busy."""


class Netemu:
    """The program, for one cluster."""

    def __init__(self, name: str, **environment: str) -> None:
        self.name = name
        self.kubeconfig = Path(tempfile.gettempdir()) / f"{name}.kubeconfig"  # never the user's own
        own = {"NETEMU_CLUSTER": name, "KUBECONFIG": str(self.kubeconfig)}
        self._environment = {**os.environ, **own, **environment}

    def run(self, *words: str, stdin: str = "", within_s: float = 180) -> subprocess.CompletedProcess[str]:
        """Run a command, whatever its exit status."""
        return subprocess.run(
            [str(ROOT / ".venv/bin/netemu"), *words],
            input=stdin,
            env=self._environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=within_s,
            check=False,
        )

    def ok(self, *words: str, stdin: str = "") -> str:
        """Run a command that must succeed, and give its output."""
        done = self.run(*words, stdin=stdin)
        assert done.returncode == 0, f"{' '.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def fails(self, *words: str, stdin: str = "", status: int = 1) -> str:
        """Run a command that must fail, and give its errors."""
        done = self.run(*words, stdin=stdin)
        assert done.returncode == status, (
            f"{' '.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        assert "Traceback" not in done.stderr
        return done.stderr

    def apply(self, manifest: str | Path, namespace: str = "") -> str:
        """Apply a file, or text."""
        place = ("-n", namespace) if namespace else ()
        if isinstance(manifest, Path):
            return self.ok("apply", *place, "-f", str(manifest))
        return self.ok("apply", *place, "-f", "-", stdin=manifest)

    def get(self, *words: str) -> Any:
        """Read an object, or a list's items."""
        document = json.loads(self.ok("get", *words, "-o", "json"))
        return document["items"] if document["kind"] == "List" else document

    def field(self, path: str, *words: str) -> str:
        """Read one field by JSONPath."""
        return self.ok("get", *words, "-o", f"jsonpath={{{path}}}")

    def wait(self, what: str, *words: str) -> None:
        """Wait for a condition."""
        self.ok("wait", f"--for={what}", "--timeout=120s", *words)

    def on(self, place: str, *argv: str, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run a program in a node, or in ``outside``."""
        return self.run("node", "exec", place, "--", *argv, **more)

    def inside(self, pod: str, *argv: str, namespace: str = "default") -> subprocess.CompletedProcess[str]:
        """Run a program in a pod."""
        return self.run("exec", "-n", namespace, pod, "--", *argv)

    def processes(self) -> dict[str, int]:
        """Give the cluster's processes by name."""
        return {each["name"]: each["pid"] for each in self.status()["processes"]}

    def status(self) -> Any:
        """Read the cluster's status."""
        return json.loads(self.run("status", "-o", "json").stdout)


class Running:
    """A program that goes on while a test reads what it says and types what it likes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.said = ""

    def until(self, text: str, within_s: float = PATIENCE_S) -> str:
        """Read until it has said something, and give all that it said."""
        assert self.process.stdout is not None
        deadline_s = time.monotonic() + within_s
        while text not in self.said:
            ready, _, _ = select.select([self.process.stdout], [], [], deadline_s - time.monotonic())
            more = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            assert more, f"{text!r} never came; it said {self.said!r}"
            self.said += more.decode()
        return self.said

    def type(self, text: str) -> None:
        """Give it a piece of its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()


class Client:
    """One of other people's programs, that finds the cluster by its kubeconfig and keeps to a namespace."""

    def __init__(self, program: str, kubeconfig: Path, home: Path, namespace: str = "default") -> None:
        self.program = program
        self.namespace = namespace
        self.environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "HOME": str(home)}

    def argv(self, *words: str) -> list[str]:
        """Give the command line."""
        return [str(CLIENTS / self.program), "--namespace", self.namespace, *words]

    def run(self, *words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command, whatever its exit status."""
        return subprocess.run(
            self.argv(*words),
            input=stdin,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def ok(self, *words: str, stdin: str = "", **environment: str) -> str:
        """Run a command that must succeed, and give its output."""
        done = self.run(*words, stdin=stdin, **environment)
        assert done.returncode == 0, f"{' '.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def fails(self, *words: str, stdin: str = "", status: int = 1) -> str:
        """Run a command that must fail, and give all that it said."""
        done = self.run(*words, stdin=stdin)
        assert done.returncode == status, (
            f"{' '.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done.stdout + done.stderr

    def read(self, path: str, *words: str) -> str:
        """Read one field by JSONPath."""
        return self.ok("get", *words, "-o", f"jsonpath={{{path}}}")

    @contextmanager
    def running(self, *words: str) -> Iterator[Running]:
        """Start a command that goes on, and end it afterwards."""
        process = subprocess.Popen(
            self.argv(*words),
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Running(process)
        finally:
            process.kill()
            process.communicate()


def _eventually(
    probe: Callable[[], Any], expected: Callable[[Any], bool] = bool, within_s: float = PATIENCE_S
) -> Any:
    deadline_s = time.monotonic() + within_s
    while not expected(seen := probe()):
        assert time.monotonic() < deadline_s, f"not within {within_s} s; last seen: {seen!r}"
        time.sleep(PAUSE_S)
    return seen


@pytest.fixture(scope="session")
def eventually() -> Callable[..., Any]:
    """Probe until what is seen is as expected, and give that."""
    return _eventually


@pytest.fixture(scope="session")
def manifests() -> Path:
    """Where the manifests are; ``talk`` has the talk's own, as they are."""
    return MANIFESTS


@pytest.fixture
def netemu() -> Iterator[Callable[..., Netemu]]:
    """Make handles on clusters of new names; whatever comes up is taken down."""
    made: list[Netemu] = []

    def make(**environment: str) -> Netemu:
        made.append(Netemu(f"e2e-{uuid4().hex[:6]}", **environment))
        return made[-1]

    yield make
    for each in made:
        each.ok("down")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Netemu]:
    """One cluster of three nodes for all tests that change nothing about the cluster itself."""
    if os.geteuid() != 0:
        pytest.fail("end-to-end tests make clusters: run them as root")
    handle = Netemu(f"e2e-{uuid4().hex[:6]}")
    try:
        handle.ok("up")
        handle.apply(MANIFESTS / "tests" / "world.yaml")
        handle.wait("condition=Ready", "pod", "--all")
        handle.ok("rollout", "status", "deployment/web")
        _eventually(lambda: _reaches_all(handle))
        yield handle
    finally:
        handle.ok("down")


def _reaches_all(handle: Netemu) -> bool:
    """Tell whether every node knows the Services of the world, and DNS all of their endpoints."""
    names = "dig +short web-headless.default.svc.cluster.local"
    script = f"curl -sf -m 5 http://web/ && test $({names} | wc -l) = 3"
    shells = ("shell-1", "shell-2", "shell-3")
    return all(handle.inside(shell, "sh", "-c", script).returncode == 0 for shell in shells)


@pytest.fixture
def namespace(cluster: Netemu) -> Iterator[str]:
    """Give a namespace that goes away with the test."""
    name = f"t-{uuid4().hex[:8]}"
    cluster.ok("create", "namespace", name)
    yield name
    cluster.ok("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where clients keep what they remember: never the user's own home."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def client(cluster: Netemu, home: Path) -> Iterator[Callable[[str], Client]]:
    """Make a client by its name in ``.cache/clients``, with a namespace of its own for the module's tests."""
    assert CLIENTS.is_dir(), "these tests run the real clients: scripts/clients fetches them"
    made: list[str] = []

    def make(program: str) -> Client:
        made.append(f"t-{uuid4().hex[:8]}")
        cluster.ok("create", "namespace", made[-1])
        return Client(program, cluster.kubeconfig, home, made[-1])

    yield make
    for each in made:
        cluster.ok("delete", "namespace", each, "--wait=false")


@pytest.fixture(scope="module", params=["kubectl-old", "kubectl-new"])
def any_kubectl(request: pytest.FixtureRequest, client: Callable[[str], Client]) -> Client:
    """Give kubectl 1.20, then kubectl 1.37."""
    return client(str(request.param))


@pytest.fixture(scope="module")
def new_kubectl(client: Callable[[str], Client]) -> Client:
    """Give kubectl 1.37, for what the old one cannot do."""
    return client("kubectl-new")
