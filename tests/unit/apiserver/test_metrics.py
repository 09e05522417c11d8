"""What is counted of requests."""

from __future__ import annotations

import re

from netemu.api.kinds import CONFIG_MAP

LINE = re.compile(r'[a-z_]+(\{([a-z_]+="[^"]*",?)*\})? [0-9.e+-]+')


async def metrics(http):
    answer = await http.request("GET", "/metrics")
    assert answer.status == 200
    return answer.body.decode()


async def test_requests_are_counted_by_verb_resource_and_code(http, registry):
    await registry.create(CONFIG_MAP, {"metadata": {"name": "c", "namespace": "default"}})
    for name in ("c", "c", "none"):
        await http.request("GET", f"/api/v1/namespaces/default/configmaps/{name}")
    text = await metrics(http)

    assert (
        'apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="configmaps",'
        'scope="resource",subresource="",verb="GET",version="v1"} 2\n'
    ) in text
    assert 'code="404",component="apiserver",dry_run="",group="",resource="configmaps"' in text
    assert 'apiserver_storage_objects{resource="configmaps"} 1\n' in text


async def test_paths_that_nobody_serves_do_not_grow_the_answer(http):
    for number in range(20):
        await http.request("GET", f"/apis/group-{number}/v1/things")
    text = await metrics(http)

    assert "group-1" not in text


async def test_every_line_is_one_that_prometheus_reads(http):
    lines = [line for line in (await metrics(http)).splitlines() if not line.startswith("#")]

    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert any(line.startswith("process_resident_memory_bytes ") for line in lines)
