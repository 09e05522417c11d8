"""The Deployment controller: ReplicaSets by template, and how one takes over from another. Pure.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/ and
kube-controller-manager ``pkg/controller/deployment``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from netemu.api.client import Object
from netemu.api.errors import ApiError
from netemu.api.kinds import DEPLOYMENT, POD, REPLICA_SET
from netemu.api.views.apps import Workload
from netemu.controllers import rollouts
from netemu.controllers.deployment_sets import (
    HASH_LABEL,
    REVISION,
    ReplicaSet,
    annotate,
    create,
    find_new,
    name_of,
    next_revision,
    pruned,
    resize,
    set_revision,
)
from netemu.controllers.deployment_status import NOT_CREATED, Progress, is_complete, plan_status
from netemu.controllers.indexes import controlled_by, orphans, wanting
from netemu.controllers.ownership import claim, controller_of, keys_of_controllers
from netemu.controllers.pods import find_pods, hash_template, is_over
from netemu.controllers.reconciler import Reconciler, own_key
from netemu.controllers.rollouts import Size
from netemu.controllers.writes import Create, Delete, EmitEvent, Writes, only_status
from netemu.informer.cache import Cache, Change, Key, key_of

__all__ = ["HASH_LABEL", "RECONCILER", "REVISION", "plan"]


class Family(Struct, frozen=True):
    """A Deployment and its ReplicaSets, the old ones oldest first."""

    obj: Object
    view: Workload
    template_hash: str
    new: ReplicaSet | None
    old: list[ReplicaSet]

    @property
    def active(self) -> list[ReplicaSet]:
        """Those that should have pods."""
        return [rs for rs in (*self.old, *((self.new,) if self.new else ())) if rs.replicas]


def plan(cache: Cache, key: Key, now_s: float) -> Writes:
    """Decide the ReplicaSets of a Deployment, how many pods each has now, and the status."""
    obj = cache.get(DEPLOYMENT, key)
    deployment = cache.find(DEPLOYMENT, key, Workload)
    if obj is None or deployment is None or deployment.metadata.deletion_timestamp:
        return []
    adoptions, family = _gather(cache, obj, deployment)
    collided = family.new is None and _is_taken(cache, family)
    stands = deployment.spec.paused or _is_resized(family)
    if collided:
        rollout: Writes = []
    elif stands:
        rollout = _scale(family)
    else:
        rollout = _roll_out(cache, family)
    progress = _progress(
        family,
        created=next((w.obj["spec"]["replicas"] for w in rollout if isinstance(w, Create)), None),
        collisions=deployment.status.collision_count + collided,
        stands=stands,
    )
    return [*adoptions, *rollout, *plan_status(obj, deployment, progress, now_s)]


def plan_failure(cache: Cache, key: Key, now_s: float, problem: ApiError) -> Writes:
    """Tell in a condition why the newest ReplicaSet could not be created."""
    obj = cache.get(DEPLOYMENT, key)
    deployment = cache.find(DEPLOYMENT, key, Workload)
    if obj is None or deployment is None:
        return []
    _, family = _gather(cache, obj, deployment)
    if family.new is not None:
        return []
    collisions = deployment.status.collision_count
    progress = _progress(family, created=None, collisions=collisions, stands=True, problem=problem.message)
    message = f'Failed to create new replica set "{progress.new_name}": {problem.message}'
    event = EmitEvent(obj, "Warning", NOT_CREATED, message)
    return [event, *only_status(plan_status(obj, deployment, progress, now_s))]


def _progress(
    family: Family, *, created: int | None, collisions: int, stands: bool, problem: str = ""
) -> Progress:
    new = family.new
    return Progress(
        new=new.view if new else None,
        old=[rs.view for rs in family.old],
        new_name=new.name if new else name_of(family.view, family.template_hash),
        created=created,
        collisions=collisions,
        stands=stands,
        problem=problem,
    )


def _gather(cache: Cache, obj: Object, deployment: Workload) -> tuple[Writes, Family]:
    claimed = claim(
        cache,
        DEPLOYMENT,
        obj,
        deployment.spec.selector,
        kind=REPLICA_SET,
        owned=controlled_by(cache, REPLICA_SET, deployment.metadata.uid),
        orphaned=orphans(cache, REPLICA_SET, deployment.metadata.namespace, deployment.spec.selector),
    )
    sets = []
    for key in claimed.keys:
        raw, typed = cache.get(REPLICA_SET, key), cache.find(REPLICA_SET, key, Workload)
        if raw is not None and typed is not None and not typed.metadata.deletion_timestamp:
            sets.append(ReplicaSet(raw, typed))
    sets.sort(key=lambda rs: (rs.view.metadata.creation_timestamp or "", rs.name))
    template = pruned(deployment.spec.template)
    template_hash = hash_template(template, deployment.status.collision_count)
    new = find_new(sets, template, template_hash)
    old = [rs for rs in sets if rs is not new]
    return claimed.writes, Family(obj, deployment, template_hash, new, old)


def _is_taken(cache: Cache, family: Family) -> bool:
    """Tell whether something else has the name that the newest ReplicaSet would get."""
    name = name_of(family.view, family.template_hash)
    return cache.get(REPLICA_SET, Key(family.view.metadata.namespace, name)) is not None


def _is_resized(family: Family) -> bool:
    """Tell whether the number changed since the ReplicaSets were resized; Recreate needs no shares."""
    if family.view.spec.strategy.type != "RollingUpdate":
        return False
    return any(rs.desired not in (None, family.view.spec.replicas) for rs in family.active)


def _scale(family: Family) -> Writes:
    """Follow a new number without going on with the rollout; a paused Deployment does no more."""
    obj, deployment = family.obj, family.view
    writes = annotate(obj, deployment, family.new, family.old) if family.new else []
    active = family.active
    if len(active) <= 1:
        latest = active or ([family.new] if family.new else family.old[-1:])
        writes += [w for rs in latest for w in resize(obj, deployment, rs, deployment.spec.replicas)]
    elif _is_saturated(family):
        writes += [w for rs in family.old if rs.replicas for w in resize(obj, deployment, rs, 0)]
    elif deployment.spec.strategy.type == "RollingUpdate":
        writes += _spread(family)
    return writes + (_forget_oldest(deployment, family.old) if deployment.spec.paused else [])


def _spread(family: Family) -> Writes:
    """Give every active ReplicaSet its share: the newer first of what comes, the older of what goes."""
    deployment = family.view
    limit = rollouts.bounds(deployment.spec.replicas, deployment.spec.strategy.rolling_update)
    grows = limit.most > sum(rs.replicas for rs in family.active)
    newest = [rs for rs in family.active if rs is family.new]
    by_age = [rs for rs in family.active if rs is not family.new]
    order = sorted([*by_age, *newest], key=lambda rs: rs.replicas, reverse=True)
    if grows:
        order = sorted([*newest, *reversed(by_age)], key=lambda rs: rs.replicas, reverse=True)
    sizes = rollouts.proportional_sizes([rs.size for rs in order], limit)
    pairs = zip(order, sizes, strict=True)
    return [w for rs, size in pairs for w in resize(family.obj, deployment, rs, size.replicas)]


def _is_saturated(family: Family) -> bool:
    new, wanted = family.new, family.view.spec.replicas
    return new is not None and new.replicas == new.desired == new.size.available == wanted


def _roll_out(cache: Cache, family: Family) -> Writes:
    """Take one step: the new ReplicaSet first, the old ones when it needs nothing."""
    obj, deployment, new, old = family.obj, family.view, family.new, family.old
    size = new.size if new else Size(name_of(deployment, family.template_hash), 0, 0, 0)
    wanted, shrunk = _sizes(cache, family, size)
    if new is None and wanted is not None:
        revision = next_revision(old)
        made = create(obj, deployment, family.template_hash, wanted, revision)
        return [*made, *set_revision(obj, revision)]
    writes = annotate(obj, deployment, new, old) if new else []
    if new is not None and wanted is not None and wanted != size.replicas:
        return [*writes, *resize(obj, deployment, new, wanted)]
    changed = [(rs, s) for rs, s in zip(old, shrunk, strict=True) if s.replicas != rs.replicas]
    writes += [write for rs, s in changed for write in resize(obj, deployment, rs, s.replicas)]
    if new is not None and is_complete(deployment, new.view, [rs.view for rs in old]):
        writes += _forget_oldest(deployment, old)
    return writes


def _sizes(cache: Cache, family: Family, new: Size) -> tuple[int | None, list[Size]]:
    """Decide the sizes of the new ReplicaSet (``None``: not yet) and of the old ones."""
    deployment, old = family.view, family.old
    sizes = [rs.size for rs in old]
    if deployment.spec.strategy.type == "Recreate":
        stopped = [replace(size, replicas=0) for size in sizes]
        return (None if _any_pod(cache, old) else deployment.spec.replicas), stopped
    limit = rollouts.bounds(deployment.spec.replicas, deployment.spec.strategy.rolling_update)
    return rollouts.new_size(new, sizes, limit), rollouts.old_sizes(new, sizes, limit)


def _any_pod(cache: Cache, old: list[ReplicaSet]) -> bool:
    keys = (key for rs in old for key in controlled_by(cache, POD, rs.view.metadata.uid))
    return any(rs.replicas for rs in old) or not all(is_over(pod) for pod in find_pods(cache, keys))


def _forget_oldest(deployment: Workload, old: list[ReplicaSet]) -> Writes:
    """Delete the oldest revisions beyond the limit, except those that still have pods."""
    surplus = max(0, len(old) - deployment.spec.revision_history_limit)
    oldest = sorted(old, key=lambda rs: rs.revision)[:surplus]
    return [Delete(REPLICA_SET, key_of(rs.obj), rs.view.metadata.uid) for rs in oldest if _is_empty(rs.view)]


def _is_empty(rs: Workload) -> bool:
    seen = rs.status.observed_generation >= rs.metadata.generation
    return seen and rs.spec.replicas == 0 and rs.status.replicas == 0


def _replica_set_changed(cache: Cache, change: Change) -> Iterable[Key]:
    owners = keys_of_controllers(change, DEPLOYMENT)
    if change.new is not None and controller_of(change.new) is None:
        labels = change.new["metadata"].get("labels") or {}
        return [*owners, *wanting(cache, DEPLOYMENT, change.key.namespace, labels)]
    return owners


def _pod_gone(cache: Cache, change: Change) -> Iterable[Key]:
    """A Recreate rollout goes on when the last old pod is gone."""
    if change.new is not None:
        return ()
    keys = (key for key in keys_of_controllers(change, REPLICA_SET))
    sets = (cache.get(REPLICA_SET, key) for key in keys)
    owners = (controller_of(rs) for rs in sets if rs is not None)
    return [Key(change.key.namespace, ref["name"]) for ref in owners if ref is not None and _is_ours(ref)]


def _is_ours(ref: dict[str, Any]) -> bool:
    return bool(ref["kind"] == DEPLOYMENT.kind)


RECONCILER = Reconciler(
    name="deployment-controller",
    plan=plan,
    plan_failure=plan_failure,
    triggers={DEPLOYMENT: own_key, REPLICA_SET: _replica_set_changed, POD: _pod_gone},
)
