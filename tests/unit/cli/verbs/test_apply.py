"""``apply`` and ``create`` against the API."""

import pytest

from netemu.api.kinds import NAMESPACE, SERVICE
from netemu.cli.manifests import document_of
from netemu.cli.resources import Query, UsageError
from netemu.cli.verbs.apply import WriteOptions, apply, create

LABEL = {"metadata": {"labels": {"app": "web"}}}


def _service(name="web", **spec):
    return document_of(
        SERVICE,
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"ports": [{"port": 80}], **spec},
        },
    )


async def test_applying_tells_created_then_unchanged_then_configured(session, capsys):
    for documents in ([_service()], [_service()], [_service(selector={"a": "b"})]):
        assert await apply(session, documents, WriteOptions())

    assert capsys.readouterr().out.split() == [
        "service/web", "created", "service/web", "unchanged", "service/web", "configured",
    ]  # fmt: skip


async def test_what_others_set_survives_applying(session):
    await apply(session, [_service()], WriteOptions())
    query = Query(kind=SERVICE, namespace="default", name="web")
    await session.patch(query, LABEL)

    await apply(session, [_service(selector={"a": "b"})], WriteOptions())

    (found,) = await session.find(query)
    assert found["metadata"]["labels"] == {"app": "web"}
    assert found["spec"]["selector"] == {"a": "b"}


async def test_a_refusal_keeps_the_others_from_being_applied(session, capsys):
    documents = [
        _service("one"),
        _service("two", type="NodePort", ports=[{"port": 80, "nodePort": 80}]),
        _service("three"),
    ]

    assert not await apply(session, documents, WriteOptions())

    printed = capsys.readouterr()
    assert printed.out == ""
    assert 'The Service "two" is invalid: spec.ports[0].nodePort: Invalid value: 80' in printed.err
    assert printed.err.endswith("\nNothing was changed.\n")
    assert (await session.list(Query(kind=SERVICE, namespace="default"))).items == []


async def test_a_namespace_and_what_is_in_it_are_applied_together(session, capsys):
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "new"}}
    inside = _service().obj | {"metadata": {"name": "web", "namespace": "new"}}

    assert await apply(
        session, [document_of(NAMESPACE, namespace), document_of(SERVICE, inside)], WriteOptions()
    )

    assert capsys.readouterr().out == "namespace/new created\nservice/web created\n"


async def test_a_dry_run_changes_nothing(session, capsys):
    for where in ("client", "server"):
        assert await apply(session, [_service()], WriteOptions(dry_run=where))

    assert (await session.list(Query(kind=SERVICE, namespace="default"))).items == []
    assert capsys.readouterr().out == "service/web created (dry run)\nservice/web created (server dry run)\n"


def test_other_dry_runs_are_refused():
    with pytest.raises(UsageError, match=r"Invalid dry-run value \(wet\)"):
        WriteOptions(dry_run="wet")


async def test_creating_twice_is_refused(session, capsys):
    assert await create(session, [_service()], WriteOptions())
    assert not await create(session, [_service()], WriteOptions())

    printed = capsys.readouterr()
    assert printed.err == 'Error from server (AlreadyExists): services "web" already exists\n'


async def test_the_server_s_name_is_told(session, capsys):
    document = document_of(
        NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "shop-"}}
    )

    assert await create(session, [document], WriteOptions())

    assert capsys.readouterr().out.startswith("namespace/shop-")


async def test_what_was_applied_can_be_printed(session, capsys):
    assert await apply(session, [_service()], WriteOptions(output="name"))
    assert await apply(session, [_service()], WriteOptions(output="yaml"))

    printed = capsys.readouterr().out
    assert printed.startswith("service/web\napiVersion: v1\nkind: Service\n")
