"""``label``, ``patch``, ``replace`` and ``set image`` against the API."""

import pytest

from netemu.api.kinds import CONFIG_MAP, CRON_JOB, DEPLOYMENT, ENDPOINTS, POD, SERVICE
from netemu.cli.manifests import document_of
from netemu.cli.marks import Marks
from netemu.cli.resources import Query, Scope, UsageError, parse_selections
from netemu.cli.verbs.apply import WriteOptions
from netemu.cli.verbs.marks import MarkOptions, mark
from netemu.cli.verbs.patching import patch, plan_images, read_patch, replace, set_images
from netemu.errors import NetemuError
from netemu.testing import builders

DEFAULT = Scope(namespace="default")
WRITE = WriteOptions()
POD_A = parse_selections(["pod/a"])
DEPLOY = parse_selections(["deployment", "web"])


@pytest.fixture
async def pods(client):
    for name in ("a", "b"):
        await client.create(POD, builders.pod(name, labels={"name": name}))


@pytest.fixture
async def deployment(client):
    return await client.create(DEPLOYMENT, builders.deployment("web"))


async def labels_of(client, name):
    return (await client.get(POD, "default", name))["metadata"]["labels"]


async def test_labels_are_set_and_removed(session, client, pods, capsys):
    options = MarkOptions(write=WRITE)
    await mark(session, POD_A, DEFAULT, Marks("labels", {"tier": "front"}, ()), options)
    await mark(session, POD_A, DEFAULT, Marks("labels", {"tier": "front"}, ()), options)
    await mark(session, POD_A, DEFAULT, Marks("labels", {}, ("name", "none")), options)

    assert capsys.readouterr() == (
        "pod/a labeled\npod/a not labeled\npod/a unlabeled\n",
        'label "none" not found.\n',
    )
    assert await labels_of(client, "a") == {"tier": "front"}


async def test_all_of_a_kind_can_be_annotated(session, client, pods, capsys):
    marks = Marks("annotations", {"a.b/c": "d"}, ())
    await mark(session, parse_selections(["pods"]), DEFAULT, marks, MarkOptions(everything=True, write=WRITE))

    assert capsys.readouterr().out == "pod/a annotated\npod/b annotated\n"
    assert (await client.get(POD, "default", "b"))["metadata"]["annotations"]["a.b/c"] == "d"


@pytest.mark.parametrize("dry_run", ["client", "server"])
async def test_a_dry_run_marks_nothing(session, client, pods, capsys, dry_run):
    options = MarkOptions(write=WriteOptions(dry_run=dry_run))
    await mark(session, POD_A, DEFAULT, Marks("labels", {"x": "y"}, ()), options)

    assert "dry run)" in capsys.readouterr().out
    assert await labels_of(client, "a") == {"name": "a"}


async def test_marks_can_be_listed(session, pods, capsys):
    await mark(session, POD_A, DEFAULT, Marks("labels", {}, ()), MarkOptions(listed=True, write=WRITE))

    assert capsys.readouterr().out == "Listing labels for Pod.v1/a:\nname=a\n"


async def test_something_must_be_marked(session):
    with pytest.raises(UsageError, match="at least one label update is required"):
        await mark(session, POD_A, DEFAULT, Marks("labels", {}, ()), MarkOptions(write=WRITE))


@pytest.mark.parametrize(
    ("type_", "change"),
    [
        ("strategic", {"spec": {"replicas": 4}}),
        ("merge", {"spec": {"replicas": 4}}),
        ("json", [{"op": "replace", "path": "/spec/replicas", "value": 4}]),
    ],
)
async def test_a_patch_of_any_type_changes_the_object(session, client, deployment, capsys, type_, change):
    for _ in range(2):
        await patch(session, DEPLOY, DEFAULT, change, type_, "", WRITE)

    printed = capsys.readouterr().out
    assert printed == "deployment.apps/web patched\ndeployment.apps/web patched (no change)\n"
    assert (await client.get(DEPLOYMENT, "default", "web"))["spec"]["replicas"] == 4


async def test_there_are_three_types_of_patch(session, deployment):
    with pytest.raises(UsageError, match=r"must be one of \[json merge strategic\]"):
        await patch(session, DEPLOY, DEFAULT, {}, "apply", "", WRITE)


def test_a_patch_is_json_or_yaml_on_the_line_or_in_a_file(tmp_path):
    file = tmp_path / "patch.yaml"
    file.write_text("spec: {replicas: 2}")

    assert read_patch('{"spec": {"replicas": 2}}', "") == read_patch("", str(file))


@pytest.mark.parametrize(
    ("text", "file", "words"),
    [
        ("", "", "must specify --patch"),
        ("{", "", "unable to parse"),
        ("", "/none.yaml", "unable to read patch file"),
    ],
)
def test_a_patch_that_cannot_be_read_is_told(text, file, words):
    with pytest.raises(UsageError, match=words):
        read_patch(text, file)


@pytest.mark.parametrize("force", [False, True])
async def test_what_is_replaced_keeps_nothing_of_before(session, client, capsys, force):
    def config(**data):
        meta = {"name": "c", "namespace": "default"}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}

    old = await client.create(CONFIG_MAP, config(a="1"))

    assert await replace(session, [document_of(CONFIG_MAP, config(b="2"))], WRITE, force=force)
    new = await client.get(CONFIG_MAP, "default", "c")
    assert capsys.readouterr().out == "configmap/c replaced\n"
    assert new["data"] == {"b": "2"}
    assert (new["metadata"]["uid"] != old["metadata"]["uid"]) is force


async def test_what_is_not_there_cannot_be_replaced(session, capsys):
    document = document_of(POD, builders.pod("none"))

    assert not await replace(session, [document], WRITE, force=False)
    assert 'pods "none" not found' in capsys.readouterr().err


async def test_images_are_set_by_the_names_of_containers(session, client, deployment, capsys):
    name = deployment["spec"]["template"]["spec"]["containers"][0]["name"]
    for images in ({name: "nginx:2"}, {"*": "nginx:2"}):
        await set_images(session, DEPLOY, DEFAULT, images, WRITE)
    changed = await client.get(DEPLOYMENT, "default", "web")

    assert capsys.readouterr().out == "deployment.apps/web image updated\n"
    assert changed["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:2"


def test_a_cron_jobs_containers_are_deeper():
    job = builders.cron_job()
    pods = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    change = plan_images(CRON_JOB, job, {"*": "new"})

    changed = change["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert changed == [{"name": pods["containers"][0]["name"], "image": "new"}]


@pytest.mark.parametrize(
    ("kind", "obj", "words"),
    [
        (POD, builders.pod(), 'unable to find container named "none"'),
        (SERVICE, builders.service(), "services have no containers"),
    ],
)
def test_an_image_needs_a_container(kind, obj, words):
    with pytest.raises(NetemuError, match=words):
        plan_images(kind, obj, {"none": "x"})


async def test_what_the_api_warns_of_is_printed_once(session, capsys):
    for _ in range(2):
        await session.list(Query(kind=ENDPOINTS, namespace="default"))

    assert capsys.readouterr().err == (
        "Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice\n"
    )
