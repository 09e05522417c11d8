"""The pods of a StatefulSet and their claims: names and volumes that stay. Pure.

Source: kube-controller-manager ``pkg/controller/statefulset/stateful_set_utils.go``.
"""

from __future__ import annotations

from typing import Any

from netemu.api.client import Object
from netemu.api.kinds import PERSISTENT_VOLUME_CLAIM, POD, STATEFUL_SET
from netemu.api.views.apps import Workload
from netemu.api.views.core import Pod
from netemu.controllers.pods import REVISION_LABEL, pod_from_template
from netemu.controllers.revisions import Revision
from netemu.controllers.writes import Create, Patch, Words, Writes
from netemu.informer.cache import Cache, Key, key_of

POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name"
POD_INDEX_LABEL = "apps.kubernetes.io/pod-index"


def ordinal_of(pod: Pod, owner: str) -> int | None:
    """Read the ordinal from a pod's name; ``None`` if it is not one of this StatefulSet's names."""
    parent, _, ordinal = pod.metadata.name.rpartition("-")
    return int(ordinal) if parent == owner and ordinal.isdigit() else None


def words_for(view: Workload) -> Words:
    """Say what happens to pods as StatefulSets do."""
    name = view.metadata.name
    return Words(
        created=f"create Pod {{name}} in StatefulSet {name} successful",
        not_created=f"create Pod {{name}} in StatefulSet {name} failed error: {{error}}",
        deleted=f"delete Pod {{name}} in StatefulSet {name} successful",
        not_deleted=f"delete Pod {{name}} in StatefulSet {name} failed error: {{error}}",
    )


def new_pod(obj: Object, view: Workload, revision: Revision, ordinal: int) -> Object:
    """Make the pod of an ordinal, as a revision wants it."""
    name = f"{view.metadata.name}-{ordinal}"
    labels = {POD_NAME_LABEL: name, POD_INDEX_LABEL: str(ordinal), REVISION_LABEL: revision.name}
    spec: dict[str, Any] = {"hostname": name}
    if view.spec.service_name:
        spec["subdomain"] = view.spec.service_name
    claims = _volumes(view, ordinal)
    if claims:
        named = {volume["name"] for volume in claims}
        given = revision.template["spec"].get("volumes") or []
        spec["volumes"] = [*claims, *(volume for volume in given if volume["name"] not in named)]
    return pod_from_template(revision.template, STATEFUL_SET, obj, name=name, labels=labels, spec=spec)


def identify(pod: Pod) -> Writes:
    """Give a pod that was adopted the label of its name."""
    meta = pod.metadata
    if meta.labels.get(POD_NAME_LABEL) == meta.name:
        return []
    patch = {"metadata": {"uid": meta.uid, "labels": {POD_NAME_LABEL: meta.name}}}
    return [Patch(POD, Key(meta.namespace, meta.name), patch)]


def missing_claims(cache: Cache, obj: Object, view: Workload, ordinal: int) -> Writes:
    """Make the claims of an ordinal that are not there."""
    meta = view.metadata
    pod = f"{meta.name}-{ordinal}"
    writes: Writes = []
    for template in view.spec.volume_claim_templates:
        name = _claim_name(view, template, ordinal)
        if cache.get(PERSISTENT_VOLUME_CLAIM, Key(meta.namespace, name)) is not None:
            continue
        given = template.get("metadata") or {}
        labels = {**(given.get("labels") or {}), **view.spec.selector.match_labels}
        owned = view.spec.persistent_volume_claim_retention_policy.when_deleted == "Delete"
        metadata = {
            "name": name,
            "namespace": meta.namespace,
            "labels": labels,
            "annotations": given.get("annotations") or {},
            "ownerReferences": [_reference(obj)] if owned else [],
        }
        made = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {field: value for field, value in metadata.items() if value},
            "spec": template["spec"],
        }
        place = f"Pod {pod} in StatefulSet {meta.name}"
        words = Words(
            created=f"create Claim {{name}} {place} success",
            not_created=f"create Claim {{name}} for {place} failed error: {{error}}",
        )
        writes.append(Create(PERSISTENT_VOLUME_CLAIM, made, told_on=obj, words=words))
    return writes


def has_stale_claim(cache: Cache, view: Workload, ordinal: int) -> bool:
    """Tell whether a claim is about to go: its pod must wait for a new one."""
    names = (_claim_name(view, template, ordinal) for template in view.spec.volume_claim_templates)
    claims = (cache.get(PERSISTENT_VOLUME_CLAIM, Key(view.metadata.namespace, name)) for name in names)
    return any(claim is not None and claim["metadata"].get("deletionTimestamp") for claim in claims)


def keep_claims(cache: Cache, obj: Object, view: Workload, pod: Pod, *, wanted: bool) -> Writes:
    """Let a pod's claims belong to whom they shall go with: the StatefulSet, a pod that goes, or nobody."""
    policy = view.spec.persistent_volume_claim_retention_policy
    ordinal = ordinal_of(pod, view.metadata.name)
    owners: list[dict[str, Any]] = []
    if not wanted and policy.when_scaled == "Delete":
        uid, name = pod.metadata.uid, pod.metadata.name
        owners = [{"apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid}]
    elif policy.when_deleted == "Delete":
        owners = [_reference(obj)]
    writes: Writes = []
    for template in view.spec.volume_claim_templates:
        key = Key(view.metadata.namespace, _claim_name(view, template, ordinal or 0))
        claim = cache.get(PERSISTENT_VOLUME_CLAIM, key)
        if claim is None:
            continue
        present = claim["metadata"].get("ownerReferences") or []
        others = [ref for ref in present if not _is_ours(ref, view, pod)]
        mine = [ref for ref in present if _is_ours(ref, view, pod)]
        if [ref["uid"] for ref in mine] != [ref["uid"] for ref in owners]:
            patch = {"metadata": {"uid": claim["metadata"]["uid"], "ownerReferences": [*others, *owners]}}
            writes.append(Patch(PERSISTENT_VOLUME_CLAIM, key_of(claim), patch))
    return writes


def _is_ours(ref: dict[str, Any], view: Workload, pod: Pod) -> bool:
    former = ref["kind"] == "Pod" and ref["name"] == pod.metadata.name
    return bool(former or ref["uid"] == view.metadata.uid)


def _reference(obj: Object) -> dict[str, Any]:
    meta = obj["metadata"]
    return {
        "apiVersion": STATEFUL_SET.api_version,
        "kind": STATEFUL_SET.kind,
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _claim_name(view: Workload, template: dict[str, Any], ordinal: int) -> str:
    return f"{template['metadata']['name']}-{view.metadata.name}-{ordinal}"


def _volumes(view: Workload, ordinal: int) -> list[dict[str, Any]]:
    return [
        {
            "name": template["metadata"]["name"],
            "persistentVolumeClaim": {"claimName": _claim_name(view, template, ordinal)},
        }
        for template in view.spec.volume_claim_templates
    ]
