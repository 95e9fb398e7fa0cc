"""What is accepted as a backup."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from shared.cli.archive import _unpack, key_fingerprints, local_store, read_manifest
from shared.errors import InvalidInput
from shared.settings import Settings

MANIFEST = {
    "format": 1,
    "created_at": "2026-11-22T01:00:00+00:00",
    "revision": "0007",
    "objects": 1,
    "object_store": "local",
    "field_keys": ["0123456789abcdef"],
    "keys_missing": False,
}


def archive(path: Path, entries: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in entries.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def test_manifest_is_read(tmp_path: Path) -> None:
    found = read_manifest(archive(tmp_path / "b.tar", {"manifest.json": json.dumps(MANIFEST).encode()}))
    assert found.revision == "0007"
    assert found.field_keys == ("0123456789abcdef",)


@pytest.mark.parametrize(
    "entries",
    [
        {},
        {"manifest.json": b"{"},
        {"manifest.json": b"[]"},
        {"manifest.json": json.dumps({**MANIFEST, "format": 2}).encode()},
        {"manifest.json": json.dumps({"format": 1}).encode()},
        {"manifest.json": json.dumps({**MANIFEST, "extra": 1}).encode()},
    ],
)
def test_other_tar_files_are_refused(tmp_path: Path, entries: dict[str, bytes]) -> None:
    with pytest.raises(InvalidInput):
        read_manifest(archive(tmp_path / "b.tar", entries))


def test_file_that_is_no_tar_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.tar"
    path.write_bytes(b"PK not a tar")
    with pytest.raises(InvalidInput, match="is no backup"):
        read_manifest(path)
    with pytest.raises(InvalidInput, match="does not exist"):
        read_manifest(tmp_path / "absent.tar")


@pytest.mark.parametrize("name", ["../evil", "objects/../../evil", "/tmp/evil"])
def test_entry_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    path = archive(tmp_path / "b.tar", {name: b"x"})
    folder = tmp_path / "in" / "here"
    folder.mkdir(parents=True)
    with pytest.raises(InvalidInput, match="no backup has"):
        _unpack(path, folder)
    assert list(tmp_path.rglob("evil")) == []


def test_link_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.tar"
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo("objects/link")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(member)
    with pytest.raises(InvalidInput):
        _unpack(path, tmp_path)


def test_fingerprint_tells_keys_apart_and_not_what_they_are() -> None:
    one, two = key_fingerprints(Settings.model_validate({"FIELD_KEYS": "k1:AAAA,k2:BBBB"}))
    assert one != two
    assert "AAAA" not in one


def test_only_a_folder_is_a_local_store() -> None:
    local = Settings.model_validate({"OBJECT_STORE_URL": "file:///data/with%20space"})
    assert local_store(local) == Path("/data/with space")
    assert local_store(Settings.model_validate({"OBJECT_STORE_URL": "s3://bucket"})) is None
