from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import fetch_sample
import pytest
from fetch_sample import Source

from maskreel.common.video import probe

if TYPE_CHECKING:
    from pathlib import Path

CLIP = b"the clip"
SHA256 = hashlib.sha256(CLIP).hexdigest()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "vtest.avi"


def source(name: str, content: bytes) -> Source:
    return Source(name, lambda path: path.write_bytes(content))


def must_not_be_asked(path: Path) -> None:
    pytest.fail(f"asked to fetch {path}")


def no_answer(path: Path) -> None:
    msg = f"no answer for {path.name}"
    raise TimeoutError(msg)


def test_the_first_source_with_the_right_bytes_is_taken(target: Path, tmp_path: Path) -> None:
    origin = tmp_path / "origin.avi"
    origin.write_bytes(CLIP)
    sources = [Source("local", fetch_sample.download(origin.as_uri())), Source("later", must_not_be_asked)]
    assert fetch_sample.first_good(sources, target, SHA256)
    assert target.read_bytes() == CLIP


def test_wrong_bytes_are_refused_and_the_next_source_is_tried(target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fetch_sample.first_good([source("bad", b"a login page"), source("good", CLIP)], target, SHA256)
    assert target.read_bytes() == CLIP
    wrong = hashlib.sha256(b"a login page").hexdigest()
    assert f"refused: its sha256 is {wrong}" in capsys.readouterr().err


def test_nothing_appears_where_no_source_answers(target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sources = [Source("silent", no_answer), Source("absent", fetch_sample.copy_file(target / "absent"))]
    assert not fetch_sample.first_good([*sources, source("bad", b"")], target, SHA256)
    assert list(target.parent.iterdir()) == []
    assert "no answer for vtest.avi" in capsys.readouterr().err


def test_a_cached_clip_is_used_and_a_damaged_one_replaced(target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(CLIP)
    assert fetch_sample.first_good([Source("any", must_not_be_asked)], target, SHA256)
    target.write_bytes(CLIP[:-1])
    assert fetch_sample.first_good([source("good", CLIP)], target, SHA256)
    assert target.read_bytes() == CLIP


@pytest.mark.parametrize("as_url", [False, True])
def test_a_copy_of_ones_own_is_asked_first(as_url: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own.avi"
    own.write_bytes(CLIP)
    monkeypatch.setenv("MASKREEL_SAMPLE", own.as_uri() if as_url else str(own))
    fetch_sample.known_sources()[0].fetch(tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == CLIP


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs Debian's dpkg-deb")
def test_the_clip_is_found_in_a_debian_package(tmp_path: Path) -> None:
    clip = tmp_path / "tree/usr/share/doc/vtest.avi"
    clip.parent.mkdir(parents=True)
    clip.write_bytes(CLIP)
    package = debian_package(tmp_path)
    fetch_sample.unpack(package, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == CLIP

    clip.rename(clip.with_name("other.avi"))
    with pytest.raises(LookupError, match=r"opencv-doc_1_all\.deb holds no vtest\.avi"):
        fetch_sample.unpack(debian_package(tmp_path), tmp_path / "copy")


def debian_package(folder: Path) -> Path:
    control = folder / "tree/DEBIAN/control"
    control.parent.mkdir(exist_ok=True)
    control.write_text("Package: opencv-doc\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: clip\n")
    control.parent.chmod(0o755)
    package = folder / "opencv-doc_1_all.deb"
    subprocess.run(
        ["dpkg-deb", "--build", "--root-owner-group", folder / "tree", package], check=True, capture_output=True
    )
    return package


def test_a_machine_without_apt_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LookupError, match="no apt-get here"):
        fetch_sample.debian_package(tmp_path / "vtest.avi")


@pytest.fixture
def no_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No source has the clip, so that one has to be made."""
    monkeypatch.setattr(fetch_sample, "LECTURE_SECONDS", 4.0)
    monkeypatch.setattr(fetch_sample, "known_sources", lambda: [source("bad", b"not the clip")])
    monkeypatch.setattr(sys, "argv", ["fetch_sample.py", "--folder", str(tmp_path / "cache")])


@pytest.mark.usefixtures("no_source")
def test_a_lecture_clip_takes_the_place_of_the_clip(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fetch_sample.main()
    printed = capfd.readouterr()
    assert printed.out == f"{tmp_path / 'cache/lecture.mkv'}\n"
    info = probe(tmp_path / "cache/lecture.mkv")
    assert (info.size, info.fps, info.duration) == ((360, 640), 10, 4)
    assert {path.name for path in (tmp_path / "cache/lecture").iterdir()} == {"plate.mkv", "mask.mkv"}
    assert "generating a lecture clip instead" in printed.err


@pytest.mark.usefixtures("no_source")
def test_no_clip_at_all_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/lecture").write_text("a file where the folder should be")
    with pytest.raises(SystemExit, match=r"no clip: .*File exists"):
        fetch_sample.main()
