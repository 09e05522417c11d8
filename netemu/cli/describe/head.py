"""The lines that all descriptions share: names, labels, templates, events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netemu.apiserver.columns.column import age_since
from netemu.cli.describe.sheet import Sheet

Object = Mapping[str, Any]

_HIDDEN_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"


def write_name(sheet: Sheet, obj: Object) -> None:
    """Write name and namespace."""
    meta = obj["metadata"]
    sheet.write(0, "Name:", meta["name"])
    if meta.get("namespace"):
        sheet.write(0, "Namespace:", meta["namespace"])


def write_labels(sheet: Sheet, obj: Object) -> None:
    """Write labels and annotations, without what ``apply`` keeps for itself."""
    meta = obj["metadata"]
    annotations = {k: v for k, v in (meta.get("annotations") or {}).items() if k != _HIDDEN_ANNOTATION}
    sheet.mapping("Labels:", meta.get("labels") or {})
    sheet.mapping("Annotations:", annotations, separator=": ")


def write_controller(sheet: Sheet, obj: Object) -> None:
    """Write who controls the object, if anyone does."""
    for owner in obj["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            sheet.write(0, "Controlled By:", f"{owner['kind']}/{owner['name']}")


def render_selector(selector: Object) -> str:
    """Render a label selector in one line."""
    labels = [f"{k}={v}" for k, v in sorted((selector.get("matchLabels") or {}).items())]
    words = {"In": "in", "NotIn": "notin", "Exists": "", "DoesNotExist": "!"}
    for requirement in selector.get("matchExpressions") or ():
        values = ",".join(requirement.get("values") or ())
        word = words[requirement["operator"]]
        labels.append(f"{requirement['key']} {word} ({values})" if values else f"{word}{requirement['key']}")
    return ",".join(labels) or "<none>"


def write_events(sheet: Sheet, events: Sequence[Object], now_s: float) -> None:
    """Write the events, oldest first."""
    if not events:
        sheet.write(0, "Events:", "<none>")
        return
    sheet.write(0, "Events:")
    ordered = sorted(events, key=last_seen)
    sheet.table(
        1, ("Type", "Reason", "Age", "From", "Message"), [_event_row(event, now_s) for event in ordered]
    )


def _event_row(event: Object, now_s: float) -> tuple[str, ...]:
    source = (event.get("source") or {}).get("component") or event.get("reportingComponent") or ""
    part = (event.get("involvedObject") or {}).get("fieldPath")
    said = (event.get("message") or "").strip().replace("\n", " ")
    message = f"{part}: {said}" if part else said
    return (event.get("type") or "", event.get("reason") or "", event_age(event, now_s), source, message)


def event_age(event: Object, now_s: float) -> str:
    """Say how long ago something happened last, and how often."""
    count = event.get("count") or 1
    last = age_since(last_seen(event), now_s)
    if count < 2:
        return last
    return f"{last} (x{count} over {age_since(event.get('firstTimestamp') or last_seen(event), now_s)})"


def last_seen(event: Object) -> str:
    """Give the moment at which something happened last."""
    return (
        event.get("lastTimestamp")
        or event.get("eventTime")
        or event.get("firstTimestamp")
        or event["metadata"].get("creationTimestamp")
        or ""
    )
