"""When every frame of a file is shown, learnt from its packets without decoding any."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import av.error

from maskreel.common.errors import InputError
from maskreel.common.video._cut import promised_bytes
from maskreel.common.video._ffv1_sums import is_intact

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

_LONGEST = Fraction(2**31 // 10_000)
"""Seconds per frame; encoders store a rate in two 32-bit numbers."""


@dataclass(frozen=True)
class Timing:
    """The timestamps of a stream, in display order."""

    time_base: Fraction
    """Seconds of one tick."""
    fps: Fraction
    """Frames per second; the average where the rate varies."""
    variable: bool
    """True if the frames are not evenly spaced, beyond the rounding to ticks."""
    pts: tuple[int, ...] | None
    """Ticks of every frame; None if the file gives no complete, unambiguous timestamps."""
    keys: tuple[int, ...] = ()
    """Ticks of the frames that decode without any other."""
    last_duration: int = 0
    """Ticks that the last frame lasts; 0 if not said."""
    damaged: frozenset[int] = frozenset()
    """Numbers of frames whose data do not have the checksum that was written with them."""

    @property
    def start(self) -> Fraction:
        """Seconds of the first frame."""
        return self.pts[0] * self.time_base if self.pts else Fraction(0)

    @property
    def duration(self) -> Fraction | None:
        """Seconds from the first frame to the end of the last."""
        if self.pts is None:
            return None
        if not self.variable:
            return len(self.pts) / self.fps
        last = self.last_duration * self.time_base or 1 / self.fps
        return (self.pts[-1] - self.pts[0]) * self.time_base + last

    def times(self, start: int, stop: int) -> tuple[Fraction, ...] | None:
        """Seconds of the frames `start` to `stop`; None where the rate is constant."""
        if self.pts is None or not self.variable:
            return None
        return tuple(tick * self.time_base for tick in self.pts[start:stop])

    def time(self, index: int) -> Fraction:
        """Seconds of one frame."""
        if self.pts is not None and self.variable:
            return self.pts[index] * self.time_base
        return self.start + index / self.fps


class _Packet(NamedTuple):
    pts: int | None
    key: bool
    duration: int
    intact: bool
    """It has a checksum, which is right."""


def read_timing(container: InputContainer, stream: VideoStream, path: Path) -> Timing:
    """Read all packets of the file; InputError if it is cut off or a packet is damaged."""
    packets: list[_Packet] = []
    has_sums = stream.codec_context.name == "ffv1"
    damage = None
    try:
        for packet in container.demux(stream):
            if packet.is_corrupt:
                damage = "its data end in the middle of it"
                break
            if packet.size and not packet.is_discard:
                intact = has_sums and is_intact(bytes(packet))
                packets.append(_Packet(packet.pts, packet.is_keyframe, _duration(packet), intact))
    except av.error.FFmpegError as error:
        damage = error.strerror
    # some programs write a wrong length into a whole AVI file
    trust_length = container.format.name != "avi" or len(packets) < stream.frames
    _check_whole(path, len(packets), damage, trust_length=trust_length)
    return _timing(packets, stream)


def _duration(packet: Packet[VideoStream]) -> int:
    return packet.duration or 0


def _check_whole(path: Path, found: int, damage: str | None, *, trust_length: bool) -> None:
    actual, promised = path.stat().st_size, promised_bytes(path)
    if promised is not None and promised > actual and (trust_length or damage is not None):
        raise InputError(
            f"{path} is cut off at frame {found}: only {actual} of its {promised} bytes are there; "
            "copy or download it again"
        )
    if damage is not None:
        raise InputError(f"{path} is damaged at frame {found}: {damage}; give a whole file")
    if found == 0:
        raise InputError(f"{path} has a video stream without a single frame; give a file with frames")


def _timing(packets: Sequence[_Packet], stream: VideoStream) -> Timing:
    time_base = stream.time_base or Fraction(1, 90000)
    shown = _decodable(packets)
    pts = sorted(packet.pts for packet in shown if packet.pts is not None)
    if len(set(pts)) < len(shown):
        rate = stream.guessed_rate or stream.average_rate or Fraction(25)
        return Timing(time_base, Fraction(rate), variable=False, pts=None, damaged=_damaged(shown))
    keys = sorted(packet.pts for packet in shown if packet.key and packet.pts is not None)
    last_duration = next(packet.duration for packet in shown if packet.pts == pts[-1])
    rates = [stream.average_rate, stream.guessed_rate, stream.base_rate]
    fps = constant_rate(pts, time_base, [rate for rate in rates if rate])
    variable = fps is None
    if fps is None:
        fps = _measured_rate(pts, time_base, 10_000)
    in_order = sorted(shown, key=lambda packet: packet.pts or 0)
    return Timing(time_base, fps, variable, tuple(pts), tuple(keys), last_duration, _damaged(in_order))


def _decodable(packets: Sequence[_Packet]) -> Sequence[_Packet]:
    """Without the packets before the first key frame, and those shown before it, which no player can show."""
    first = next((i for i, packet in enumerate(packets) if packet.key), 0)
    tick = packets[first].pts
    return [p for p in packets[first:] if tick is None or p.pts is None or p.pts >= tick]


def _damaged(packets: Sequence[_Packet]) -> frozenset[int]:
    """Frames with a wrong checksum, and those that are built on them; one that is right tells that there are any."""
    if not any(packet.intact for packet in packets):
        return frozenset()
    found, broken = set(), False
    for index, packet in enumerate(packets):
        broken = not packet.intact or (broken and not packet.key)
        if broken:
            found.add(index)
    return frozenset(found)


def constant_rate(pts: Sequence[int], time_base: Fraction, rates: Iterable[Fraction]) -> Fraction | None:
    """The frame rate that explains all timestamps up to their rounding to ticks; None if the rate varies.

    The rates that the file announces are tried first, then the one measured from the first to the last frame.
    """
    candidates = [Fraction(rate) for rate in rates]
    if len(pts) == 1:
        return candidates[0] if candidates else Fraction(25)
    for rate in [*candidates, _measured_rate(pts, time_base, 1001)]:
        if _explains(rate, pts, time_base):
            return rate
    return None


def _measured_rate(pts: Sequence[int], time_base: Fraction, most: int) -> Fraction:
    """Frames per second, or seconds per frame where that is more, with a denominator of at most `most`."""
    period = (pts[-1] - pts[0]) * time_base / (len(pts) - 1)
    return (1 / period).limit_denominator(most) if period <= 1 else 1 / min(period, _LONGEST).limit_denominator(most)


def _explains(rate: Fraction, pts: Sequence[int], time_base: Fraction) -> bool:
    step = 1 / (rate * time_base)
    if step.denominator != 1 and step < 2:
        return False
    slack = 0 if step.denominator == 1 else step.denominator  # one tick: first and present one are both rounded
    first, numerator, denominator = pts[0], step.numerator, step.denominator
    return all(abs((tick - first) * denominator - i * numerator) <= slack for i, tick in enumerate(pts))
