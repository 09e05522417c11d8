import pytest

from netemu.agent.work import container_id, parse_container_id


def test_identifiers_say_what_they_name():
    assert parse_container_id(container_id("u-1", "web", 4)) == ("u-1", "web", 4, False)
    assert parse_container_id("u-1_web_4_exec") == ("u-1", "web", 4, True)
    with pytest.raises(ValueError, match="not a container identifier"):
        parse_container_id("something")
