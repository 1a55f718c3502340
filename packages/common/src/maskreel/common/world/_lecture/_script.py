"""What the lecturer does and when: he talks, walks, writes; a random-access function of time.

A stroke appears at the moment the pen draws it. The pen is at the leading edge of the lecturer's outline (his hand, and
his body follows behind it), so that nearly everything is covered by him when it first exists, and comes to light when
he walks on; and nearly nothing is covered for long before it exists. Both follow from `BODY_BEHIND_PEN`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from maskreel.common.world._lecture._handwriting import (
    TEXT_LINES,
    Stroke,
    axes_with_curve,
    triangle_in_circle,
    write_line,
)

if TYPE_CHECKING:
    from maskreel.common.world._lecture._room import Layout

BODY_BEHIND_PEN = 54.0
"""World units from the middle of the body to the pen while writing."""
_PEN_SPEED = 340.0  # world units a second
_LIFT_SPEED = 420.0
_LIFT_SECONDS = 0.05
_STEP_BACK_SPEED = 90.0
_WALK_SPEED = 170.0
_X_HEIGHT = 7.4


@dataclass(frozen=True)
class Writing:
    """One line of text or one diagram."""

    strokes: list[Stroke]
    """World units, in the order of writing."""
    ink: int
    """Number of the pen."""
    start: float = 0.0
    """Seconds at which the pen touches the board first."""
    times: list[np.ndarray] = field(default_factory=list, repr=False)
    """Seconds since the start of the clip at every point of every stroke."""

    @property
    def end(self) -> float:
        """Seconds at which the pen leaves the board."""
        return float(self.times[-1][-1])

    def beginning_at(self, start: float) -> Writing:
        """The same writing with its times."""
        times, now, previous = [], start, None
        for stroke in self.strokes:
            if previous is not None:
                move = stroke[0] - previous
                back = max(-float(move[0]) - 20.0, 0.0)  # a long way back waits for the body
                now += _LIFT_SECONDS + float(np.hypot(*move)) / _LIFT_SPEED + back / _STEP_BACK_SPEED
            steps = np.hypot(*np.diff(stroke, axis=0).T) / _PEN_SPEED
            times.append(now + np.concatenate([[0.0], np.cumsum(steps)]))
            now, previous = float(times[-1][-1]), stroke[-1]
        return Writing(self.strokes, self.ink, start, times)

    def pen(self, seconds: float | np.ndarray) -> np.ndarray:
        """(..., 2), position of the pen; it waits at the first and at the last point."""
        times, points = np.concatenate(self.times), np.concatenate(self.strokes)
        return np.stack([np.interp(seconds, times, points[:, axis]) for axis in (0, 1)], axis=-1)

    def body(self, seconds: float) -> float:
        """Where the lecturer stands: behind the pen, slower than the pen."""
        around = self.pen(seconds + np.linspace(-0.35, 0.35, 9))[:, 0]
        return float(around.mean()) - BODY_BEHIND_PEN


@dataclass(frozen=True)
class Act:
    """A stretch of time in which the lecturer does one thing."""

    kind: Literal["talk", "walk", "write"]
    start: float
    end: float
    x0: float
    """World x of the body at the start."""
    x1: float
    """World x of the body at the end."""
    yaw: float
    """Degrees: 0 towards the camera, 90 towards the right of the picture, 180 towards the board, 270 left."""
    writing: Writing | None = None

    def x(self, seconds: float) -> float:
        """World x of the body."""
        if self.writing is not None:
            return self.writing.body(seconds)
        part = (seconds - self.start) / max(self.end - self.start, 1e-6)
        return self.x0 + (self.x1 - self.x0) * smooth(part)


def smooth(part: float) -> float:
    """From 0 to 1 with level ends."""
    part = min(max(part, 0.0), 1.0)
    return part * part * (3 - 2 * part)


def plan(layout: Layout, seconds: float, rng: np.random.Generator, *, stay: bool = False) -> list[Act]:
    """The acts of a lecture, one after the other, from 0 to `seconds`.

    Every part of the board is seen after it was last written on, unless `stay` keeps the lecturer at one place.
    """
    director = _Director(layout, seconds, rng)
    return director.stay() if stay else director.lecture()


class _Director:
    def __init__(self, layout: Layout, seconds: float, rng: np.random.Generator) -> None:
        self.layout, self.seconds, self.rng = layout, seconds, rng
        x0, _, x1, _ = layout.board
        self.ends = x0 - 6.0, x1 + 8.0
        """Where he stands beside what is written, left and right."""
        self.acts: list[Act] = []
        self.now, self.x = 0.0, self.ends[0]

    def lecture(self) -> list[Act]:
        self.talk(min(1.5, 0.08 * self.seconds))
        for item in _board_items(self.layout, self.rng):
            start = self.now + self._walking_time(item.beginning_at(0.0).body(0.0)) + 0.25
            writing = item.beginning_at(start)
            if writing.end + 0.3 > self.seconds - self._closing_time(writing):
                break
            self.walk(writing.body(start - 0.25), until=start - 0.25)
            self.write(writing)
            if self.rng.random() < 0.65 and self.seconds - self.now > 9:
                if self.rng.random() < 0.6:
                    self.walk(float(np.clip(self.x + self.rng.uniform(-220, 160), *self.ends)))
                self.talk(self.rng.uniform(0.8, 2.0))
        self._close()
        return self.acts

    def stay(self) -> list[Act]:
        """He writes only what he reaches without walking away."""
        home = self.x = 0.42 * self.layout.width
        self.talk(min(1.5, 0.1 * self.seconds))
        for row, text in enumerate(("x < y", "s_n → 0", "π/4")):
            strokes = write_line(text, home + BODY_BEHIND_PEN, 110.0 + 36 * row, _X_HEIGHT, self.rng)
            writing = Writing(strokes, 0).beginning_at(self.now + 0.65)
            if writing.end + 2.0 > self.seconds:
                break
            self.walk(writing.body(self.now + 0.4), until=self.now + 0.4)
            self.write(writing)
            self.walk(home)
            self.talk(min(1.5, self.seconds - self.now))
        self.talk(self.seconds - self.now)
        return self.acts

    def talk(self, duration: float) -> None:
        self._add(Act("talk", self.now, self.now + duration, self.x, self.x, self.rng.uniform(-28, 28)))

    def walk(self, x: float, until: float | None = None) -> None:
        end = self.now + self._walking_time(x) if until is None else until
        self._add(Act("walk", self.now, end, self.x, x, 72.0 if x > self.x else -72.0))

    def write(self, writing: Writing) -> None:
        end = writing.end + 0.25
        self._add(Act("write", self.now, end, self.x, writing.body(end), 158.0, writing))

    def _add(self, act: Act) -> None:
        self.acts.append(act)
        self.now, self.x = act.end, act.x1

    def _walking_time(self, x: float) -> float:
        return 0.35 + abs(x - self.x) / _WALK_SPEED

    def _closing_time(self, writing: Writing) -> float:
        """Seconds to walk from a writing to the farther end, and to talk there."""
        way = max(abs(end - writing.body(writing.end)) for end in self.ends)
        return 0.35 + way / _WALK_SPEED + min(2.0, 0.1 * self.seconds)

    def _close(self) -> None:
        """Walk to the end farther away from the last thing written; walk and talk for what is left of the time."""
        far = max(self.ends, key=lambda end: abs(end - self.x))
        self.walk(far, until=min(self.now + self._walking_time(far), self.seconds))
        while self.seconds - self.now > 12:
            self.talk(self.rng.uniform(1.5, 4.0))
            self.walk(float(self.rng.uniform(*self.ends)))
        self.talk(self.seconds - self.now)


def _board_items(layout: Layout, rng: np.random.Generator) -> list[Writing]:
    """The lines and diagrams of the whole board: the left column, then the right one, from top to bottom."""
    x0, y0, x1, y1 = layout.board
    left, middle = x0 + 30, x0 + 0.56 * (x1 - x0)
    texts = iter(rng.permutation(TEXT_LINES))
    diagrams = [axes_with_curve, triangle_in_circle]
    pitch = (y1 - y0) / 6.2
    items = [_line(next(texts), left, y0 + pitch * (row + 0.8), rng, ink=int(row == 0)) for row in range(6)]
    diagram = diagrams[int(rng.integers(2))]
    strokes = diagram(middle, y0 + 0.4 * pitch, 0.38 * (x1 - x0), 2.3 * pitch, _X_HEIGHT, rng)
    items.append(Writing(strokes, 1))
    items += [_line(next(texts), middle, y0 + pitch * (row + 0.8), rng, ink=2 * int(row == 5)) for row in range(3, 6)]
    return items


def _line(text: str, left: float, baseline: float, rng: np.random.Generator, *, ink: int) -> Writing:
    return Writing(write_line(text, left, baseline, _X_HEIGHT, rng), ink)
