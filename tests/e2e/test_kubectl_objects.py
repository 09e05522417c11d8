"""The real kubectl, oldest and newest: making, reading, changing and removing objects."""

from __future__ import annotations

import json

import pytest

MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: NAME, labels: {kept: in-files}}
data: {color: red, size: big}
"""
KUSTOMIZATION = """\
namePrefix: k-
commonLabels: {made: by-kustomize}
configMapGenerator: [{name: settings, literals: [color=red]}]
resources: [service.yaml]
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80}], selector: {app: web}}
"""


@pytest.fixture
def kubectl(any_kubectl):
    return any_kubectl


@pytest.fixture
def settings(kubectl, request):
    """A ConfigMap of the test's own."""
    name = f"m{abs(hash(request.node.name)) % 10**8}"
    kubectl.ok("apply", "-f", "-", stdin=MAP.replace("NAME", name))
    return name


@pytest.fixture(scope="module")
def shown(any_kubectl):
    """A ConfigMap that tests only read."""
    any_kubectl.ok("create", "-f", "-", stdin=MAP.replace("NAME", "shown"))
    return "shown"


def test_apply_creates_then_changes_then_leaves_alone_and_takes_out_what_files_no_longer_say(kubectl):
    mine = MAP.replace("NAME", "applied")

    assert kubectl.ok("apply", "-f", "-", stdin=mine) == "configmap/applied created\n"
    assert kubectl.ok("apply", "-f", "-", stdin=mine) == "configmap/applied unchanged\n"
    assert (
        kubectl.ok("apply", "-f", "-", stdin=mine.replace(", size: big", ""))
        == "configmap/applied configured\n"
    )
    assert json.loads(kubectl.read(".data", "configmap", "applied")) == {"color": "red"}
    assert "color: red" in kubectl.ok("apply", "view-last-applied", "configmap/applied")


def test_apply_on_the_server_keeps_who_owns_a_field_and_refuses_to_take_it_from_them(kubectl):
    mine = MAP.replace("NAME", "owned")
    theirs = mine.replace("red", "blue")
    kubectl.ok("apply", "--server-side", "--field-manager=first", "-f", "-", stdin=mine)

    refused = kubectl.fails("apply", "--server-side", "--field-manager=second", "-f", "-", stdin=theirs)

    assert 'conflict with "first": .data.color' in refused
    kubectl.ok(
        "apply", "--server-side", "--field-manager=second", "--force-conflicts", "-f", "-", stdin=theirs
    )
    assert kubectl.read(".data.color", "configmap", "owned") == "blue"


def test_apply_names_the_field_that_does_not_exist_and_changes_nothing(kubectl):
    said = kubectl.fails("apply", "-f", "-", stdin=MAP.replace("NAME", "typo").replace("\ndata:", "\ndota:"))

    assert 'unknown field "dota"' in said
    assert "NotFound" in kubectl.fails("get", "configmap", "typo")


def test_a_dry_run_on_the_server_tells_and_keeps_nothing(kubectl):
    assert kubectl.ok("apply", "--dry-run=server", "-f", "-", stdin=MAP.replace("NAME", "dry")) == (
        "configmap/dry created (server dry run)\n"
    )
    assert "NotFound" in kubectl.fails("get", "configmap", "dry")


def test_diff_shows_what_apply_would_change(kubectl, settings):
    changed = MAP.replace("NAME", settings).replace("red", "blue")

    said = kubectl.fails("diff", "-f", "-", stdin=changed)

    assert "-  color: red" in said
    assert "+  color: blue" in said
    assert kubectl.ok("diff", "-f", "-", stdin=MAP.replace("NAME", settings)) == ""


def test_a_kustomization_is_applied_and_deleted_as_one(kubectl, tmp_path):
    (tmp_path / "kustomization.yaml").write_text(KUSTOMIZATION)
    (tmp_path / "service.yaml").write_text(SERVICE)

    kubectl.ok("apply", "-k", str(tmp_path))

    made = kubectl.ok("get", "services,configmaps", "-l", "made=by-kustomize", "-o", "name")
    assert "service/k-web" in made
    assert "configmap/k-settings-" in made
    kubectl.ok("delete", "-k", str(tmp_path))
    assert kubectl.ok("get", "services,configmaps", "-l", "made=by-kustomize", "-o", "name") == ""


def test_a_namespace_is_made_and_emptied(kubectl):
    name = f"{kubectl.namespace}-more"
    assert kubectl.ok("create", "namespace", name) == f"namespace/{name} created\n"
    kubectl.ok("create", "configmap", "inside", "-n", name)

    kubectl.ok("delete", "namespace", name, "--timeout=120s")

    assert "NotFound" in kubectl.fails("get", "namespace", name)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["configmap", "made", "--from-literal=a=b"], id="configmap"),
        pytest.param(["secret", "generic", "made", "--from-literal=a=b"], id="secret"),
        pytest.param(["serviceaccount", "made"], id="serviceaccount"),
        pytest.param(["role", "made", "--verb=get", "--resource=pods"], id="role"),
        pytest.param(["rolebinding", "made", "--role=made", "--user=me"], id="rolebinding"),
        pytest.param(["quota", "made", "--hard=pods=10"], id="quota"),
        pytest.param(["ingress", "made", "--rule=a.example/*=web:80"], id="ingress"),
        pytest.param(["service", "clusterip", "made", "--tcp=80:8080"], id="service"),
        pytest.param(["job", "made", "--image=pause"], id="job"),
    ],
)
def test_create_makes_every_kind_that_kubectl_has_words_for(kubectl, words):
    made = kubectl.ok("create", *words, "-o", "name").strip()

    assert made.endswith("/made")
    assert kubectl.ok("get", made, "-o", "name").strip() == made
    kubectl.ok("delete", made, "--wait=false")


def test_what_exists_is_not_created_again(kubectl, shown):
    assert "already exists" in kubectl.fails("create", "configmap", shown)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(["-o", "name"], "configmap/NAME\n", id="name"),
        pytest.param(["-o", "jsonpath={.data.color}/{.data.size}"], "red/big", id="jsonpath"),
        pytest.param(["-o", "go-template={{.data.size}}"], "big", id="go-template"),
        pytest.param(["-o", "custom-columns=WHO:.data.color", "--no-headers"], "red\n", id="custom-columns"),
        pytest.param(["-o", "yaml"], "  color: red\n", id="yaml"),
        pytest.param(["-o", "json"], '"color": "red"', id="json"),
        pytest.param(["-o", "wide"], "NAME   2 ", id="wide"),
        pytest.param(["--show-labels"], "kept=in-files", id="labels"),
        pytest.param(["-L", "kept"], "in-files", id="label-column"),
    ],
)
def test_get_writes_an_object_in_every_format(kubectl, shown, words, expected):
    assert expected.replace("NAME", shown) in kubectl.ok("get", "configmap", shown, *words)


def test_get_selects_and_sorts(kubectl):
    for name, label in (("sel-b", "yes"), ("sel-a", "yes"), ("sel-c", "no")):
        kubectl.ok("create", "configmap", name)
        kubectl.ok("label", "configmap", name, f"chosen={label}")
    listed = ("get", "configmaps", "--no-headers", "-o", "custom-columns=N:.metadata.name")

    assert kubectl.ok(*listed, "-l", "chosen=yes", "--sort-by=.metadata.name") == "sel-a\nsel-b\n"
    assert kubectl.ok(*listed, "-l", "chosen in (no, maybe)") == "sel-c\n"
    assert kubectl.ok(*listed, "--field-selector=metadata.name=sel-a") == "sel-a\n"
    everywhere = kubectl.ok("get", "configmaps", "-A", "-l", "chosen", "--chunk-size=1")
    assert everywhere.count(kubectl.namespace) == 3


def test_watching_shows_what_comes_and_changes(kubectl):
    with kubectl.running(
        "get", "secrets", "-w", "-o", "custom-columns=N:.metadata.name,L:.metadata.labels"
    ) as on:
        kubectl.ok("create", "secret", "generic", "watched")
        on.until("watched")
        kubectl.ok("label", "secret", "watched", "seen=again")
        on.until("seen:again")


def test_describe_tells_of_any_kind(kubectl, shown):
    assert "color:\n----\nred" in kubectl.ok("describe", "configmap", shown)
    assert "No resource quota" in kubectl.ok("describe", "namespace", kubectl.namespace)
    assert "172.30.0.11" in kubectl.ok("describe", "node", "node-1")
    assert "Session Affinity:" in kubectl.ok("describe", "service", "kubernetes", "-n", "default")


def test_edit_sends_what_the_editor_wrote(kubectl, settings):
    said = kubectl.ok("edit", "configmap", settings, KUBE_EDITOR="sed -i 's/color: red/color: green/'")

    assert said == f"configmap/{settings} edited\n"
    assert kubectl.read(".data.color", "configmap", settings) == "green"


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        pytest.param("strategic", {"data": {"color": "black", "size": None}}, id="strategic"),
        pytest.param("merge", {"data": {"color": "black", "size": None}}, id="merge"),
        pytest.param(
            "json",
            [
                {"op": "replace", "path": "/data/color", "value": "black"},
                {"op": "remove", "path": "/data/size"},
            ],
            id="json",
        ),
    ],
)
def test_every_type_of_patch_is_understood(kubectl, settings, kind, patch):
    kubectl.ok("patch", "configmap", settings, f"--type={kind}", "-p", json.dumps(patch))

    assert json.loads(kubectl.read(".data", "configmap", settings)) == {"color": "black"}


def test_a_strategic_patch_merges_lists_by_their_key(kubectl):
    kubectl.ok("create", "service", "clusterip", "merged", "--tcp=80:8080")

    kubectl.ok("patch", "service", "merged", "-p", '{"spec": {"ports": [{"port": 443, "name": "https"}]}}')

    assert kubectl.read(".spec.ports[*].port", "service", "merged") == "443 80"


def test_replace_puts_one_object_for_another_and_needs_one(kubectl, settings):
    kubectl.ok("replace", "-f", "-", stdin=MAP.replace("NAME", settings).replace("red", "white"))

    assert kubectl.read(".data.color", "configmap", settings) == "white"
    assert "NotFound" in kubectl.fails("replace", "-f", "-", stdin=MAP.replace("NAME", "nobody"))


def test_labels_and_annotations_are_set_and_taken_away(kubectl, settings):
    kubectl.ok("label", "configmap", settings, "tier=front", "kept-")
    kubectl.ok("annotate", "configmap", settings, "note=remember me")

    assert json.loads(kubectl.read(".metadata.labels", "configmap", settings)) == {"tier": "front"}
    assert kubectl.read(".metadata.annotations.note", "configmap", settings) == "remember me"
    assert "--overwrite is false" in kubectl.fails("label", "configmap", settings, "tier=back")


def test_an_invalid_value_is_refused_in_kubernetes_own_words(kubectl):
    bad = SERVICE.replace("name: web", "name: bad").replace("port: 80", "port: 80, nodePort: 80")
    bad = bad.replace("spec: {", "spec: {type: NodePort, ")

    said = kubectl.fails("create", "-f", "-", stdin=bad)

    assert "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range" in said


def test_delete_removes_by_name_by_label_and_by_file_and_waits(kubectl):
    for name in ("gone-1", "gone-2", "gone-3"):
        kubectl.ok("apply", "-f", "-", stdin=MAP.replace("NAME", name))
        kubectl.ok("label", "configmap", name, f"group={name}")

    kubectl.ok("delete", "configmap", "gone-1")
    kubectl.ok("delete", "configmaps", "-l", "group=gone-2")
    kubectl.ok("delete", "-f", "-", stdin=MAP.replace("NAME", "gone-3"))

    assert kubectl.ok("get", "configmaps", "-l", "group", "-o", "name") == ""
    assert "NotFound" in kubectl.fails("delete", "configmap", "gone-1")
    assert kubectl.ok("delete", "configmap", "gone-1", "--ignore-not-found") == ""


def test_apply_prunes_what_the_files_no_longer_have(new_kubectl):
    """Only the newest: the oldest asks for kinds of versions that Kubernetes itself no longer serves."""
    words = ("apply", "--prune", "--prune-allowlist=core/v1/ConfigMap", "-l", "kept=in-files", "-f", "-")
    both = MAP.replace("NAME", "stays") + "---\n" + MAP.replace("NAME", "goes")
    new_kubectl.ok(*words, stdin=both)

    said = new_kubectl.ok(*words, stdin=MAP.replace("NAME", "stays"))

    assert "configmap/goes pruned" in said
    assert new_kubectl.ok("get", "configmaps", "-l", "kept", "-o", "name") == "configmap/stays\n"


def test_strict_validation_finds_fields_twice(new_kubectl):
    twice = '{"metadata": {"name": "twice"}, "data": {}, "data": {}}'
    path = f"/api/v1/namespaces/{new_kubectl.namespace}/configmaps?fieldValidation=Strict"

    assert 'duplicate field "data"' in new_kubectl.fails("create", "--raw", path, "-f", "-", stdin=twice)
