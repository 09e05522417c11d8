from netemu.cluster.record import Record


def test_what_was_added_is_listed_with_its_facts(tmp_path):
    record = Record(tmp_path)
    record.add("netns", "ne-a-1", {"uid": "u"})
    record.add("netns", "ne-a-2")

    assert dict(record.entries("netns")) == {"ne-a-1": {"uid": "u"}, "ne-a-2": {}}
    assert list(record.entries("link")) == []


def test_adding_again_replaces_and_removing_twice_is_fine(tmp_path):
    record = Record(tmp_path)
    record.add("process", "daemon", {"pid": 1})
    record.add("process", "daemon", {"pid": 2})
    assert record.facts("process", "daemon") == {"pid": 2}

    record.remove("process", "daemon")
    record.remove("process", "daemon")
    assert record.facts("process", "daemon") is None


def test_a_writer_that_died_half_way_leaves_the_name(tmp_path):
    record = Record(tmp_path)
    record.add("netns", "a", {"uid": "u"})
    (tmp_path / "record" / "netns" / "b").touch()

    assert dict(record.entries("netns")) == {"a": {"uid": "u"}, "b": {}}


def test_more_can_be_said_of_what_is_recorded(tmp_path):
    record = Record(tmp_path)
    record.add("netns", "a", {"uid": "u"})
    record.extend("netns", "a", {"uid": "u", "wired": {"ips": ["10.244.0.2"]}})

    assert record.facts("netns", "a") == {"uid": "u", "wired": {"ips": ["10.244.0.2"]}}
