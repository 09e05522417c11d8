import pytest

from netemu.cluster.saved import NoClusterError, get_saved, load_saved, save
from netemu.errors import SettingsError
from netemu.settings import Paths, Settings


def test_settings_come_back_as_they_were_saved(tmp_path):
    paths = Paths(state=tmp_path / "state", run=tmp_path / "run")
    save(paths, Settings(name="t", nodes=5))

    assert load_saved(paths) == Settings(name="t", nodes=5)


def test_a_cluster_that_is_not_there_is_named_with_how_to_make_it(tmp_path):
    with pytest.raises(NoClusterError, match="there is no cluster named 'web'") as missing:
        get_saved("web", Paths(state=tmp_path / "state", run=tmp_path / "run"))

    assert missing.value.hint.endswith("netemu up --name web")


def test_a_place_where_nothing_can_be_made_is_named_with_the_way_to_another(tmp_path):
    (tmp_path / "file").touch()
    paths = Paths(state=tmp_path / "file" / "t", run=tmp_path / "run")

    with pytest.raises(SettingsError, match=r"cannot make .*/file/t: Not a directory") as refused:
        save(paths, Settings(name="t"))

    assert "NETEMU_STATE_DIR" in refused.value.hint
