"""Claims get volumes that outlive pods and go with their owners; what containers of a pod share."""

import pytest

SENTENCE = '0/3 nodes are available: persistentvolumeclaim "none" not found.'


@pytest.fixture(scope="module")
def kubectl(new_kubectl, manifests):
    """A kubectl whose namespace has the objects of the manifest, all started that can be."""
    new_kubectl.ok("apply", "-f", str(manifests / "tests/volumes.yaml"))
    new_kubectl.ok("rollout", "status", "statefulset/db", "--timeout=120s")
    new_kubectl.ok("wait", "--for=condition=Ready", "--timeout=120s", "pod/both")
    return new_kubectl


def starts(kubectl):
    return kubectl.run("exec", "db-0", "--", "cat", "/data/starts").stdout.split()


def test_what_a_pod_writes_to_its_claim_is_there_for_the_next(kubectl, eventually):
    assert kubectl.read(".status.phase", "pvc", "data-db-0") == "Bound"
    kubectl.ok("delete", "pod", "db-0", "--timeout=120s")
    kubectl.ok("rollout", "status", "statefulset/db", "--timeout=120s")

    assert eventually(lambda: starts(kubectl), lambda said: len(said) == 2) == ["db-0", "db-0"]


def test_a_volume_goes_with_the_claim_that_it_was_made_for(kubectl):
    volume = kubectl.read(".spec.volumeName", "pvc", "data-db-0")
    kubectl.ok("delete", "statefulset", "db", "--timeout=120s")
    kubectl.ok("wait", "--for=delete", "pvc/data-db-0", f"pv/{volume}", "--timeout=120s")

    assert volume not in kubectl.ok("get", "pv", "-o", "name")


def test_a_pod_without_its_claim_waits_and_says_so(kubectl, eventually):
    path = ".status.conditions[?(@.type=='PodScheduled')].message"
    said = eventually(lambda: kubectl.read(path, "pod", "waiting"), bool)

    assert said.startswith(SENTENCE)
    assert kubectl.read(".status.phase", "pod", "waiting") == "Pending"


def test_containers_of_a_pod_share_ipc_and_memory(kubectl):
    kubectl.ok("exec", "both", "-c", "one", "--", "sh", "-c", "ipcmk -Q && echo hello > /dev/shm/word")
    said = kubectl.ok(
        "exec", "both", "-c", "two", "--", "sh", "-c", "ipcs -q | grep -c 0x; cat /dev/shm/word"
    )

    assert said.split() == ["1", "hello"]
