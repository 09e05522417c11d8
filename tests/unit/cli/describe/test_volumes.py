"""How the volumes of a pod are described."""

import pytest

from netemu.cli.describe.sheet import Sheet
from netemu.cli.describe.volumes import write_volumes

PROJECTED = "Projected (a volume that contains injected data from multiple sources)"
TOKEN = {
    "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt"}},
        {"secret": {"name": "s", "optional": True}},
        {"downwardAPI": {"items": []}},
    ]
}


@pytest.mark.parametrize(
    ("volume", "lines"),
    [
        pytest.param(
            {"projected": TOKEN},
            [
                f"Type:                    {PROJECTED}",
                "TokenExpirationSeconds:  3607",
                "ConfigMapName:           kube-root-ca.crt",
                "Optional:                false",
                "SecretName:              s",
                "Optional:                true",
                "DownwardAPI:             true",
            ],
            id="projected",
        ),
        pytest.param(
            {"configMap": {"name": "c"}},
            ["Type:      ConfigMap (a volume populated by a ConfigMap)", "Name:      c", "Optional:  false"],
            id="config-map",
        ),
        pytest.param(
            {"secret": {"secretName": "s"}},
            ["Type:        Secret (a volume populated by a Secret)", "SecretName:  s", "Optional:    false"],
            id="secret",
        ),
        pytest.param(
            {
                "downwardAPI": {
                    "items": [
                        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
                        {"path": "cpu", "resourceFieldRef": {"resource": "limits.cpu"}},
                    ]
                }
            },
            [
                "Type:  DownwardAPI (a volume populated by information about the pod)",
                "Items:",
                "metadata.labels -> labels",
                "limits.cpu -> cpu",
            ],
            id="downward-api",
        ),
        pytest.param(
            {"emptyDir": {}},
            [
                "Type:       EmptyDir (a temporary directory that shares a pod's lifetime)",
                "Medium:",
                "SizeLimit:  <unset>",
            ],
            id="empty-dir",
        ),
        pytest.param(
            {"hostPath": {"path": "/srv", "type": "Directory"}},
            [
                "Type:          HostPath (bare host directory volume)",
                "Path:          /srv",
                "HostPathType:  Directory",
            ],
            id="host-path",
        ),
        pytest.param(
            {"persistentVolumeClaim": {"claimName": "c"}}, ["Type:  Persistent Volume Claim"], id="others"
        ),
    ],
)
def test_a_volume_says_what_it_is_made_from(volume, lines):
    sheet = Sheet()

    write_volumes(sheet, [{"name": "v", **volume}])

    assert [line.strip() for line in sheet.render().splitlines()] == ["Volumes:", "v:", *lines]
