"""Who owns what, and what an apply makes of an object."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.api.apply import Writer, apply, created_fields, paths, updated_fields
from netemu.api.errors import ConflictError
from netemu.api.kinds import CONFIG_MAP, DEPLOYMENT, POD, SERVICE


def writer(manager="kubectl", subresource="", time="2024-01-01T00:00:00Z"):
    return Writer(manager, subresource, time)


def head(**meta):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "d", **meta}}


def config_map(**data):
    return {**head(), "data": data}


def deployment(*containers, **spec):
    template = {"spec": {"containers": list(containers)}}
    meta = {"name": "web", "namespace": "default"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta,
        "spec": {**spec, "template": template},
    }


def stored(applied):
    meta = {**applied.object["metadata"], "managedFields": applied.managed_fields}
    return {**applied.object, "metadata": meta}


def apply_to(
    kind, live, wish, *, manager="kubectl", force=False, time="2024-01-01T00:00:00Z", subresource=""
):
    return stored(apply(kind, live, wish, writer(manager, subresource, time), force=force))


def owned(obj, manager):
    entries = [entry for entry in obj["metadata"]["managedFields"] if entry["manager"] == manager]
    return {paths.render(path) for entry in entries for path in paths.read(entry["fieldsV1"])}


def test_an_applied_object_belongs_to_its_maker_field_by_field():
    port = {"containerPort": 80}
    made = apply_to(DEPLOYMENT, None, deployment({"name": "c", "image": "i", "ports": [port]}, replicas=2))

    (entry,) = made["metadata"]["managedFields"]
    assert (entry["operation"], entry["apiVersion"], entry["fieldsType"]) == ("Apply", "apps/v1", "FieldsV1")
    assert entry["fieldsV1"] == {
        "f:spec": {
            "f:replicas": {},
            "f:template": {
                "f:spec": {
                    "f:containers": {
                        'k:{"name":"c"}': {
                            ".": {},
                            "f:name": {},
                            "f:image": {},
                            "f:ports": {
                                'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}
                            },
                        }
                    }
                }
            },
        }
    }


def test_applying_the_same_again_changes_nothing():
    wish = deployment({"name": "c", "image": "i"}, replicas=2)
    made = apply_to(DEPLOYMENT, None, wish)

    assert apply_to(DEPLOYMENT, made, wish, time="2025-01-01T00:00:00Z") == made


def test_what_is_no_longer_wished_goes():
    made = apply_to(CONFIG_MAP, None, config_map(a="1", b="2"))

    assert apply_to(CONFIG_MAP, made, config_map(b="2"))["data"] == {"b": "2"}


def test_the_last_field_takes_what_held_it_along():
    made = apply_to(CONFIG_MAP, None, config_map(a="1"))

    assert "data" not in apply_to(CONFIG_MAP, made, head())


def test_what_someone_else_wants_too_stays():
    made = apply_to(CONFIG_MAP, None, config_map(a="1", b="2"))
    made = apply_to(CONFIG_MAP, made, config_map(a="1"), manager="other")

    assert apply_to(CONFIG_MAP, made, head())["data"] == {"a": "1"}


def test_an_item_goes_with_what_defaults_added_to_it():
    made = apply_to(DEPLOYMENT, None, deployment({"name": "a", "image": "i"}, {"name": "b", "image": "i"}))
    containers = made["spec"]["template"]["spec"]["containers"]
    defaulted = [{**container, "imagePullPolicy": "Always"} for container in containers]
    made["spec"]["template"]["spec"]["containers"] = defaulted

    left = apply_to(DEPLOYMENT, made, deployment({"name": "b", "image": "i"}))

    assert left["spec"]["template"]["spec"]["containers"] == [defaulted[1]]


def test_an_item_of_which_someone_else_wants_a_part_stays_with_its_key():
    made = apply_to(DEPLOYMENT, None, deployment({"name": "a", "image": "i", "tty": True}))
    made = apply_to(DEPLOYMENT, made, deployment({"name": "a", "tty": True}), manager="other")

    left = apply_to(DEPLOYMENT, made, {**deployment(), "spec": {}})

    assert left["spec"]["template"]["spec"]["containers"] == [{"name": "a", "tty": True}]


def test_another_managers_value_is_a_conflict_in_kubernetes_words():
    made = apply_to(DEPLOYMENT, None, deployment(replicas=2))

    with pytest.raises(ConflictError) as caught:
        apply_to(DEPLOYMENT, made, deployment(replicas=3), manager="other")

    assert caught.value.message == 'Apply failed with 1 conflict: conflict with "kubectl": .spec.replicas'
    (cause,) = caught.value.causes
    assert (cause.reason, cause.field) == ("FieldManagerConflict", ".spec.replicas")
    assert cause.message == 'conflict with "kubectl"'


def test_several_conflicts_are_listed_by_manager():
    made = apply_to(DEPLOYMENT, None, deployment({"name": "c", "image": "i"}, replicas=2))

    with pytest.raises(ConflictError) as caught:
        apply_to(DEPLOYMENT, made, deployment({"name": "c", "image": "j"}, replicas=3), manager="other")

    assert caught.value.message == (
        'Apply failed with 2 conflicts: conflicts with "kubectl":\n- .spec.replicas\n'
        '- .spec.template.spec.containers[name="c"].image'
    )


def test_the_same_value_has_two_owners_and_no_conflict():
    made = apply_to(DEPLOYMENT, None, deployment(replicas=2))
    made = apply_to(DEPLOYMENT, made, deployment(replicas=2), manager="other")

    assert owned(made, "kubectl") == owned(made, "other")


def test_force_takes_fields_from_others():
    made = apply_to(DEPLOYMENT, None, deployment(replicas=2, paused=True))
    made = apply_to(DEPLOYMENT, made, deployment(replicas=3), manager="other", force=True)

    assert made["spec"]["replicas"] == 3
    assert ".spec.replicas" not in owned(made, "kubectl")
    assert ".spec.paused" in owned(made, "kubectl")


def test_an_update_takes_the_fields_that_it_changes():
    made = apply_to(CONFIG_MAP, None, config_map(a="1", b="2"))
    new = {**made, "data": {"a": "9", "b": "2", "c": "3"}}

    entries = updated_fields(CONFIG_MAP, made, new, writer("edit"))

    new = {**new, "metadata": {**new["metadata"], "managedFields": entries}}
    assert owned(new, "edit") == {".data.a", ".data.c"}
    assert owned(new, "kubectl") == {".data.b"}


def test_an_update_that_removes_a_field_leaves_it_to_nobody():
    made = apply_to(CONFIG_MAP, None, config_map(a="1", b="2"))
    new = {**made, "data": {"b": "2"}}

    entries = updated_fields(CONFIG_MAP, made, new, writer("edit"))

    assert [entry["manager"] for entry in entries] == ["kubectl"]
    assert entries[0]["fieldsV1"] == {"f:data": {"f:b": {}}}


def test_what_was_there_before_anyone_was_noted_conflicts_too():
    with pytest.raises(ConflictError, match=r'conflict with "before-first-apply" using v1: \.data\.a'):
        apply_to(CONFIG_MAP, config_map(a="1"), config_map(a="2"))


def test_the_status_has_managers_of_its_own():
    made = apply_to(DEPLOYMENT, None, deployment(replicas=2))
    new = {**made, "status": {"replicas": 2}}
    entries = updated_fields(DEPLOYMENT, made, new, writer("controller", "status"))

    assert entries[1]["subresource"] == "status"
    assert entries[1]["fieldsV1"] == {"f:status": {"f:replicas": {}}}


def test_identity_belongs_to_nobody():
    (entry,) = created_fields(CONFIG_MAP, {**head(uid="u", labels={"a": "b"}), "data": {"k": "v"}}, writer())

    assert entry["fieldsV1"] == {
        "f:metadata": {"f:labels": {".": {}, "f:a": {}}},
        "f:data": {".": {}, "f:k": {}},
    }


def test_maps_and_lists_belong_to_who_brought_them_but_not_those_that_are_always_there():
    container = {"name": "c", "image": "x", "env": [{"name": "A", "value": "b"}]}
    (entry,) = created_fields(POD, {**head(), "spec": {"containers": [container]}}, writer())

    containers = entry["fieldsV1"]["f:spec"]["f:containers"]
    assert list(containers) == ['k:{"name":"c"}']
    assert containers['k:{"name":"c"}'] == {
        ".": {},
        "f:name": {},
        "f:image": {},
        "f:env": {".": {}, 'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}},
    }


def test_atomic_parts_have_one_owner():
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    (entry,) = created_fields(SERVICE, {**head(), "spec": spec}, writer())

    assert entry["fieldsV1"]["f:spec"]["f:selector"] == {}
    assert list(entry["fieldsV1"]["f:spec"]["f:ports"]) == [".", 'k:{"port":80,"protocol":"TCP"}']


def test_the_oldest_updaters_become_one():
    obj = config_map(start="0")
    obj = {**obj, "metadata": {**obj["metadata"], "managedFields": created_fields(CONFIG_MAP, obj, writer())}}
    for number in range(15):
        new = {**obj, "data": {**obj["data"], f"k{number}": "v"}}
        who = writer(f"m{number}", time=f"2024-01-01T00:00:{number:02}Z")
        entries = updated_fields(CONFIG_MAP, obj, new, who)
        obj = {**new, "metadata": {**new["metadata"], "managedFields": entries}}

    managers = [entry["manager"] for entry in obj["metadata"]["managedFields"]]
    assert len(managers) == 10
    assert managers[0] == "ancient-changes"
    assert ".data.start" in owned(obj, "ancient-changes")


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param({"manager": "m"}, id="no-operation"),
        pytest.param({"manager": 3, "operation": "Update", "fieldsV1": {}}, id="no-name"),
        pytest.param({"manager": "m", "operation": "Update", "fieldsV1": 1}, id="no-fields"),
        pytest.param({"manager": "m", "operation": "Update", "fieldsV1": {"k:zz": {"f:x": 1}}}, id="no-keys"),
    ],
)
def test_entries_that_cannot_be_read_do_no_harm(entry):
    live = {**config_map(a="1"), "metadata": {**head()["metadata"], "managedFields": [entry]}}
    new = {**live, "data": {"a": "2"}}

    assert [one["manager"] for one in updated_fields(CONFIG_MAP, live, new, writer("edit"))][-1] == "edit"
    assert apply_to(CONFIG_MAP, live, config_map(a="3"), force=True)["data"] == {"a": "3"}


keys = st.sampled_from(["a", "b", "c", "d"])
wishes = st.dictionaries(keys, st.sampled_from(["1", "2"]), max_size=4)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["x", "y", "z"]), wishes), min_size=1, max_size=6))
def test_after_any_forced_applies_each_manager_sees_what_it_wished_last(steps):
    live = None
    for manager, data in steps:
        wish = config_map(**data)
        live = apply_to(CONFIG_MAP, live, wish, manager=manager, force=True)
        assert data.items() <= live.get("data", {}).items()
        assert apply_to(CONFIG_MAP, live, wish, manager=manager) == live
    wanted = {key for manager in "xyz" for key in owned(live, manager)}
    assert {f".data.{key}" for key in live.get("data", {})} <= wanted


def test_a_tree_reads_back_as_it_was_written():
    fields = frozenset(
        {("f:a",), ("f:a", "f:b"), ("f:c", 'k:{"name":"x"}'), ("f:c", 'k:{"name":"x"}', "f:n")}
    )

    assert paths.read(paths.write(fields)) == fields
