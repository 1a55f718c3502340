"""Bring OpenCV's sample clip vtest.avi (a square with pedestrians, 768x576, 795 frames) into .cache/.

`python tools/fetch_sample.py` tries one source after another and takes the first whose bytes have the right sha256.
Where none answers, it makes a lecture clip instead. Messages go to stderr; the only line on stdout is the clip's path.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

NAME = "vtest.avi"
SHA256 = "45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf"
LECTURE_SECONDS = 50.0
VARIABLE = "MASKREEL_SAMPLE"
DEBIAN_FILE = Path("/usr/share/doc/opencv-doc/examples/data") / NAME
GITHUB_URL = f"https://raw.githubusercontent.com/opencv/opencv/4.x/samples/data/{NAME}"
FAILURES = (OSError, HTTPException, subprocess.SubprocessError, tarfile.TarError, LookupError)


@dataclass(frozen=True)
class Source:
    """A place the clip may come from: its name for messages, and a function that writes the clip to a path."""

    name: str
    fetch: Callable[[Path], object]


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextlib.contextmanager
def scratch_file(target: Path) -> Iterator[Path]:
    """A path beside `target`, so that moving it there is atomic; gone afterwards."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as folder:
        yield Path(folder) / target.name


def first_good(sources: Sequence[Source], target: Path, sha256: str) -> bool:
    """Put the clip of the first source that has it under `target`; False where none has it."""
    if target.exists() and digest(target) == sha256:
        say(f"{target.name}: already in {target.parent}")
        return True
    for source in sources:
        say(f"{target.name}: trying {source.name} ...")
        with scratch_file(target) as scratch:
            if brings_the_clip(source, scratch, sha256):
                scratch.replace(target)
                say(f"  yes: sha256 is right, saved as {target}")
                return True
    return False


def brings_the_clip(source: Source, scratch: Path, sha256: str) -> bool:
    """Fetch from `source` to `scratch`; False, with the reason told, where that fails or the bytes are wrong."""
    try:
        source.fetch(scratch)
        found = digest(scratch)
    except FAILURES as error:
        say(f"  no: {str(error).strip() or type(error).__name__}")
        return False
    if found != sha256:
        say(f"  refused: its sha256 is {found}, not {sha256}")
    return found == sha256


def copy_file(origin: Path) -> Callable[[Path], object]:
    return lambda path: shutil.copyfile(origin, path)


def download(url: str, *, timeout_seconds: float = 10) -> Callable[[Path], object]:
    def fetch(path: Path) -> None:
        with urllib.request.urlopen(url, timeout=timeout_seconds) as answer, path.open("wb") as stream:
            shutil.copyfileobj(answer, stream)

    return fetch


def debian_package(path: Path) -> None:
    """Take the clip out of Debian's package opencv-doc, which is downloaded to a scratch folder and not installed."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        msg = "no apt-get here"
        raise LookupError(msg)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            apt("download", "opencv-doc", folder=folder)
        except subprocess.CalledProcessError:
            say("  fetching the package lists first ...")
            own_lists = private_lists(folder)
            apt(*own_lists, "update", folder=folder)
            apt(*own_lists, "download", "opencv-doc", folder=folder)
        for package in folder.glob("opencv-doc_*.deb"):
            unpack(package, path)


def apt(*words: str, folder: Path) -> None:
    command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", *words]  # else root's apt-get cannot write to `folder`
    subprocess.run(command, cwd=folder, check=True, stdout=sys.stderr, timeout=600)


def private_lists(folder: Path) -> list[str]:
    """Options that make apt-get keep its lists in `folder`, so that it needs no right to change the system's."""
    (folder / "lists/partial").mkdir(parents=True)
    (folder / "cache/archives/partial").mkdir(parents=True)
    return ["-o", f"Dir::State::lists={folder / 'lists'}", "-o", f"Dir::Cache={folder / 'cache'}"]


def unpack(package: Path, path: Path) -> None:
    """Write the clip in a Debian package to `path`."""
    command = ["dpkg-deb", "--fsys-tarfile", str(package)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as process,
        tarfile.open(fileobj=process.stdout, mode="r|") as archive,
    ):
        clip = next((member for member in archive if Path(member.name).name == NAME), None)
        stream = clip and archive.extractfile(clip)
        if not stream:
            msg = f"{package.name} holds no {NAME}"
            raise LookupError(msg)
        with path.open("wb") as copy:
            shutil.copyfileobj(stream, copy)
        process.kill()  # what follows the clip in the archive is not wanted


def known_sources() -> list[Source]:
    """The sources to try, best first; the environment variable names a file or a URL of one's own."""
    sources = [
        Source(str(DEBIAN_FILE), copy_file(DEBIAN_FILE)),
        Source("OpenCV's repository on GitHub", download(GITHUB_URL)),
        Source("Debian's package opencv-doc (96 MB)", debian_package),
    ]
    if own := os.environ.get(VARIABLE):
        sources.insert(0, Source(f"${VARIABLE}", download(own) if "://" in own else copy_file(Path(own))))
    return sources


def make_lecture(clip: Path) -> None:
    """Make a lecture clip with maskreel-common (if it is installed); its plate and masks stay in a folder beside."""
    from maskreel.common.world import LectureScene, write_lecture

    take = LectureScene(seconds=LECTURE_SECONDS).open(0)
    write_lecture(take, clip.with_suffix(""))[0].replace(clip)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path(".cache"), help="where the clip is kept (default: .cache)")
    folder = parser.parse_args().folder
    clip = folder / NAME
    if not first_good(known_sources(), clip, SHA256):
        say(f"no source has {NAME}: generating a lecture clip instead; set {VARIABLE} to the path of a copy of yours")
        clip = folder / "lecture.mkv"
        try:
            make_lecture(clip)
        except (*FAILURES, ImportError) as error:
            sys.exit(f"no clip: {error}")
    print(clip)


if __name__ == "__main__":
    main()
