"""The paths of printer columns."""

from __future__ import annotations

import pytest

from netemu.api.crd.paths import PathError, find_all

OBJ = {
    "metadata": {"labels": {"a.b/c": "x"}, "name": "web"},
    "status": {
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "Synced", "status": "False"}],
        "replicas": [1, 2, 3],
    },
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".metadata.name", ["web"]),
        ("{.metadata.name}", ["web"]),
        (".metadata.labels['a.b/c']", ["x"]),
        (r".metadata.labels.a\.b/c", ["x"]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".status.conditions[?(@.type=='Synced')].status", ["False"]),
        (".status.conditions[*].type", ["Ready", "Synced"]),
        (".status.replicas[0]", [1]),
        (".status.replicas[-1]", [3]),
        (".status.replicas[0:2]", [1, 2]),
        (".status.replicas[?(@>1)]", [2, 3]),
        (".status.conditions[9].type", []),
        (".spec.nothing", []),
        ("", [OBJ]),
    ],
)
def test_a_path_leads_to_values(path, found):
    assert find_all(path, OBJ) == found


def test_an_unreadable_path_is_refused():
    with pytest.raises(PathError, match="unrecognized character"):
        find_all(".a[", OBJ)
