from netemu.cni.attachment import Attachment, PortMapping
from netemu.cni.config import parse_config
from netemu.cni.records import Record, Records
from netemu.cni.result import Result

NETWORK = parse_config(
    b'{"cniVersion": "1.0.0", "name": "n", "type": "a", "capabilities": {"portMappings": true}}', "x"
)


def record(container_id: str) -> Record:
    port = PortMapping(host_port=8080, container_port=80)
    pod = Attachment(container_id=container_id, netns="/run/netns/x", port_mappings=(port,))
    return Record(network=NETWORK, attachment=pod, result=Result(raw={"ips": [{"address": "10.0.0.2/24"}]}))


def test_a_record_is_found_as_it_was_saved(tmp_path):
    records = Records(tmp_path / "results")
    records.save(record("a"))

    assert records.find(record("a").attachment) == record("a")
    assert records.find(record("b").attachment) is None


def test_all_records_are_listed_but_not_half_written_ones(tmp_path):
    records = Records(tmp_path)
    assert records.list() == ()
    for name in ("b", "a"):
        records.save(record(name))
    (tmp_path / "c:eth0").touch()

    assert [found.attachment.container_id for found in records.list()] == ["a", "b"]


def test_forgetting_twice_is_no_error(tmp_path):
    records = Records(tmp_path)
    records.save(record("a"))
    for _ in range(2):
        records.forget(record("a").attachment)

    assert records.list() == ()


def test_a_result_gives_the_pods_addresses():
    assert record("a").result.pod_ips == ("10.0.0.2",)
    assert Result(raw={}).addresses == ()
