"""How the containers of a pod are described."""

from netemu.cli.describe.containers import write_containers
from netemu.cli.describe.sheet import Sheet


def described(**container):
    """Give what is said of a container, without the room between columns."""
    sheet = Sheet()
    write_containers(sheet, "Containers:", [{"name": "c", "image": "nginx", **container}], (), 0)
    return [" ".join(line.split()) for line in sheet.render().splitlines()]


def follows(lines, *wanted):
    """Tell whether some lines follow each other."""
    return any(tuple(lines[start : start + len(wanted)]) == wanted for start in range(len(lines)))


def test_a_container_shows_what_it_asks_for_and_what_it_may_use():
    resources = {"requests": {"memory": "32Mi", "cpu": "100m"}, "limits": {"cpu": "500m"}}
    lines = described(resources=resources)

    assert follows(lines, "Limits:", "cpu: 500m", "Requests:", "cpu: 100m", "memory: 32Mi")


def test_a_container_shows_where_its_variables_come_from():
    of_resource = [{"resourceFieldRef": {"resource": name}} for name in ("limits.cpu", "limits.memory")]
    key = {"name": "conf", "key": "k"}
    env = [
        *({"name": f"R{number}", "valueFrom": each} for number, each in enumerate(of_resource)),
        {"name": "C", "valueFrom": {"configMapKeyRef": key}},
        {"name": "S", "valueFrom": {"secretKeyRef": {**key, "optional": True}}},
    ]
    lines = described(env=env, resources={"limits": {"cpu": "500m"}})

    assert follows(
        lines,
        "R0: 1 (limits.cpu)",
        "R1: node allocatable (limits.memory)",
        "C: <set to the key 'k' of config map 'conf'> Optional: false",
        "S: <set to the key 'k' in secret 'conf'> Optional: true",
    )


def test_a_container_shows_what_all_of_its_variables_come_from():
    env_from = [
        {"configMapRef": {"name": "conf"}},
        {"prefix": "P_", "secretRef": {"name": "key", "optional": True}},
    ]
    lines = described(envFrom=env_from)

    assert follows(
        lines,
        "Environment Variables from:",
        "conf ConfigMap Optional: false",
        "key Secret with prefix 'P_' Optional: true",
    )


def test_a_probe_shows_whom_it_asks_and_how_often():
    lines = described(livenessProbe={"grpc": {"port": 5000, "service": "up"}, "failureThreshold": 2})

    times = "delay=0s timeout=1s period=10s successThreshold=1 failureThreshold=2"
    assert f"Liveness: grpc <pod>:5000 up {times}" in lines
