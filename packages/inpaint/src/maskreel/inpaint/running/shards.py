"""Long videos by many processes: a stage is cut into pieces that need nothing of each other, and each does one.

The pieces leave the same files in the job folder that a single process leaves, so what comes of them is the same, bit
for bit, and a job may be killed, and go on with more, fewer or no workers. The process that was started holds the lock,
cuts, waits and joins; the workers only ever add files to one stage.

A worker that outlives its master (the master was killed) must not write into a job that has begun anew: every run puts
a new token into the folder, workers look at it before each chunk and stop when it is not theirs, and a run waits until
they have.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maskreel.common.atomic import write_json
from maskreel.common.errors import InputError
from maskreel.common.jobs import LocalProcesses, Slurm, run_jobs
from maskreel.common.json_file import read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from maskreel.common.jobs import JobResult

__all__ = ["Crew", "Piece", "shares", "take_over"]

logger = logging.getLogger(__name__)

_FOLDER = "workers"
_TRIES = 3
_LEAST_FRAMES = 1000  # of a piece, where there are more pieces than workers; a process takes seconds to begin
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Piece:
    """Consecutive items of a stage (chunks of masks, segments of video) that one worker does."""

    stage: str
    first: int
    """The first item ..."""
    last: int
    """... and the one to stop before."""
    start: int
    """Index of the first frame ..."""
    stop: int
    """... and of the one to stop before."""

    def __str__(self) -> str:
        return f"stage {self.stage}, frames {self.start} to {self.stop}"


@dataclass(frozen=True)
class Crew:
    """The workers of one run of a job.

    Args:
        folder: the job folder; on a cluster, all nodes must see it, and the source, under this path.
        executor: where workers run.
        pieces: into how many a stage is cut; None: as many as there are workers, or some more where it is long, so that
            no worker waits long for the last one.
    """

    folder: Path
    executor: LocalProcesses | Slurm
    pieces: int | None = None

    def pieces_of(self, frames: int) -> int:
        """Into how many pieces a stage of so many frames is cut."""
        if self.pieces is not None:
            return self.pieces
        workers = self.executor.parallel if isinstance(self.executor, Slurm) else max(1, self.executor.workers)
        return max(workers, min(3 * workers, frames // _LEAST_FRAMES))

    def run(
        self,
        pieces: Sequence[Piece],
        work: Callable[[Piece, Callable[[int], object]], object],
        advance: Callable[[int], object],
    ) -> None:
        """Do all pieces, each in a process of its own.

        Args:
            pieces: of one stage.
            work: does a piece, of which it may find some done, and tells the function that it is given of its frames.
                It must be picklable by value, as a nested function is, and all that it refers to picklable.
            advance: told of the frames of all workers.

        Raises:
            InputError: if a worker finds a file that cannot be used, or was killed again and again.
            OSError: if the system refuses a worker something, such as more disk.
            RuntimeError: if a worker meets an error in the program.
        """
        if not pieces:
            return
        folder, token = self.folder / _FOLDER, _token(self.folder)
        _empty(folder)

        def guarded(piece: Piece) -> Any:
            return _guarded(piece, work, folder, token, self.executor)

        with _followed(folder, advance):
            left, settled = list(pieces), []
            for attempt in range(1, _TRIES + 1):
                shutil.rmtree(folder / "jobs", ignore_errors=True)  # the stage itself tells what is done, and how far
                results = run_jobs(guarded, left, executor=self.executor, folder=folder / "jobs")
                killed = [result for result in results if _was_killed(result)]
                settled += [result for result in results if attempt == _TRIES or result not in killed]
                left = [result.item for result in killed]
                if not left or _failed(settled):
                    break
                logger.warning("%s: its worker was killed; another one goes on from there", left[0])
        _raise_first(_failed(settled))
        _empty(folder)


def take_over(folder: Path, *, patience: float = 600.0) -> None:
    """Let workers of an earlier run of a job, which was killed, stop; to be called before anything is written.

    Raises:
        InputError: if they do not stop within `patience` seconds.
    """
    if not (folder / _FOLDER).exists():
        return
    write_json(folder / _FOLDER / "token.json", secrets.token_hex(8))
    _forget_workers(folder / _FOLDER, patience)


def shares(frames: Sequence[int], pieces: int, *, whole: Sequence[bool] | None = None) -> list[range]:
    """Cut a row of items into at most so many consecutive ranges of about equal numbers of frames.

    Args:
        frames: of every item; 0 for what is done. Ranges without frames are left out.
        pieces: how many ranges at most.
        whole: for every item, whether it must be in one range with the item before it.
    """
    total, result, first, before = sum(frames), [], 0, 0
    for index in range(len(frames)):
        before += frames[index]
        at_end = index + 1 == len(frames)
        if not at_end and whole is not None and whole[index + 1]:
            continue
        if at_end or before * pieces >= total * (len(result) + 1):
            if sum(frames[first : index + 1]):
                result.append(range(first, index + 1))
            first = index + 1
    return result


def _guarded(
    piece: Piece,
    work: Callable[[Piece, Callable[[int], object]], object],
    folder: Path,
    token: str,
    executor: LocalProcesses | Slurm,
) -> dict[str, Any] | None:
    """In the worker: do a piece, and hand back, in words, what the person who started the job can mend."""
    if isinstance(executor, LocalProcesses) and executor.workers > 1:
        _share_cores(executor.workers)
    done, path = 0, folder / f"progress-{piece.first:06d}.json"

    def advance(frames: int) -> None:
        nonlocal done
        if _token(folder.parent) != token:
            raise InputError(f"{folder.parent}: another run has taken this job over; this worker stops")
        done += frames
        write_json(path, done)

    try:
        with _at_work(folder):
            advance(0)
            work(piece, advance)
    except InputError as error:
        return {"input": str(error)}
    except OSError as error:
        if error.errno is None:
            raise
        return {"errno": error.errno, "reason": error.strerror, "file": error.filename and str(error.filename)}
    return None


def _share_cores(workers: int) -> None:
    """Threads of several workers that want all cores each only make each other wait."""
    import os

    import cv2
    import torch

    threads = max(1, (os.cpu_count() or 1) // workers)
    cv2.setNumThreads(min(threads, cv2.getNumThreads()))
    torch.set_num_threads(min(threads, torch.get_num_threads()))


def _failed(results: Sequence[JobResult[Piece]]) -> list[JobResult[Piece]]:
    return [result for result in results if result.error is not None or result.value is not None]


def _raise_first(failed: Sequence[JobResult[Piece]]) -> None:
    if not failed:
        return
    first = failed[0]
    if first.error is None and "input" in first.value:
        raise InputError(f"{first.value['input']} ({first.item})")
    if first.error is None:
        raise OSError(first.value["errno"], f"{first.value['reason']} ({first.item})", first.value["file"])
    if _was_killed(first):
        raise InputError(
            f"{first.item}: its worker was killed {_TRIES} times, perhaps for want of memory (log: {first.log});"
            " run the same command again with fewer workers to go on"
        )
    raise RuntimeError(f"{first.item}: its worker failed (log: {first.log})\n{first.error}")


def _was_killed(result: JobResult[Piece]) -> bool:
    return result.error is not None and not result.error.startswith("Traceback")


def _token(job: Path) -> str:
    path = job / _FOLDER / "token.json"
    if not path.exists():
        write_json(path, secrets.token_hex(8))
    return read_json(path)


def _empty(folder: Path) -> None:
    """Remove what an earlier stage or run has left, but for the token and the lock."""
    shutil.rmtree(folder / "jobs", ignore_errors=True)
    for path in folder.glob("progress-*.json"):
        path.unlink()


@contextmanager
def _followed(folder: Path, advance: Callable[[int], object]) -> Iterator[None]:
    """Tell `advance` of the frames that all workers have done, until the block ends."""
    told, ended = 0, threading.Event()

    def tell() -> None:
        nonlocal told
        done = sum(int(path.read_text()) for path in folder.glob("progress-*.json"))
        if done > told:
            advance(done - told)
            told = done

    def follow() -> None:
        while not ended.wait(_POLL_SECONDS):
            tell()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        tell()


@contextmanager
def _at_work(folder: Path) -> Iterator[None]:
    """Show, as long as this process lives, that a worker is at work in the folder."""
    try:
        import fcntl
    except ImportError:  # Windows; see `Job.lock`
        yield
        return
    with (folder / "at-work").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH)
        except OSError:  # some file systems of clusters have no locks; the token works there, too
            logger.debug("%s cannot be locked", folder)
        yield


def _forget_workers(folder: Path, patience: float) -> None:
    """Wait until no worker is at work in the folder."""
    try:
        import fcntl
    except ImportError:
        return
    end = time.monotonic() + patience
    with (folder / "at-work").open("a") as file:
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    raise InputError(
                        f"{folder.parent}: workers of an earlier run are still at work; end them"
                    ) from None
                if not told:
                    logger.info("%s: waiting for workers of an earlier run to stop", folder.parent)
                told = True
                time.sleep(_POLL_SECONDS / 5)
            except OSError:
                return
            else:
                return
