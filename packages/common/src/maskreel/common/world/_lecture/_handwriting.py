"""Handwriting as pen strokes, so that text can appear the way a hand writes it: an alphabet and small diagrams."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

Stroke = np.ndarray
"""float64 (N, 2): the points (x, y) of one stroke in the order of writing, y down."""

_X_HEIGHT = 4.0  # of the grid below: baseline 0, x-height 4, ascender 7, descender -3, y up

# Glyph -> strokes (separated by |) of points x,y that a smooth curve runs through.
_GLYPHS = {
    "a": "3.5,3.2 2.2,4 .6,3 .3,1.2 1.5,0 3,.8 3.6,3.8 3.5,1 4.3,0",
    "b": "0,7 .1,3 .2,.3 1.5,0 3.2,1 3,3.2 1.6,3.8 .3,2.8",
    "c": "3.2,3.2 2,4 .5,3 .3,1.2 1.6,0 3.3,.8",
    "d": "3.4,3.2 2,4 .5,3 .3,1 1.6,0 3.1,1|3.6,7 3.4,2 3.6,.3 4.2,0",
    "e": ".4,2 3,2.3 2.6,3.7 1.4,4 .3,2.6 .6,.7 1.8,0 3.3,.7",
    "f": "3.2,6.4 2.2,7 1.3,6 1.2,2 1.1,-2|0,3.8 2.8,3.9",
    "g": "3.4,3.3 2,4 .5,3 .5,1.2 1.8,.3 3.2,1.4 3.5,3.8 3.3,-1.5 2,-3 .4,-2.3",
    "h": "0,7 .1,3 .1,0|.1,2.2 1.4,3.8 2.8,3.4 3,.3 3.6,0",
    "i": ".3,4 .3,.6 1,0|.4,5.6 .6,5.9",
    "k": "0,7 .1,0|2.8,4 .3,1.8 3,0",
    "l": ".3,7 .3,.8 1.1,0",
    "m": "0,4 .1,0|.1,2.6 1.2,4 2.2,3.4 2.3,0|2.3,2.6 3.5,4 4.5,3.3 4.6,.3 5.2,0",
    "n": "0,4 .1,0|.1,2.4 1.4,4 2.8,3.4 2.9,.3 3.6,0",
    "o": "2,4 .6,3.3 .3,1.5 1.6,0 3.2,1 3.3,3 2,4",
    "p": "0,4 .1,0 .1,-3|.1,2.8 1.5,4 3.2,3 3,.8 1.6,0 .2,.9",
    "r": "0,4 .1,0|.1,2.2 1.2,3.8 2.4,3.9",
    "s": "2.8,3.4 1.6,4 .5,3.2 1.4,2.2 2.6,1.2 1.6,0 .1,.5",
    "t": "1.2,6.2 1.1,1 1.9,0 2.7,.4|0,4 2.6,4.1",
    "u": "0,4 .1,1 1.3,0 2.8,1 3,4|3,4 3.1,.6 3.8,0",
    "v": "0,4 1.5,0 3.1,4",
    "w": "0,4 1.1,0 2.3,3.2 3.5,0 4.6,4",
    "x": "0,4 3.1,0|3.1,4 0,0",
    "y": "0,4 1.5,.6|3.2,4 1.2,-1.4 .1,-3",
    "z": "0,4 3,4 0,0 3.1,0",
    "A": "0,0 2.2,7|2.2,7 4.4,0|.8,2.4 3.6,2.5",
    "B": "0,7 0,0|0,7 3,6.4 2.6,4 0,3.7|0,3.7 3.6,2.8 3.2,.3 0,0",
    "D": "0,7 0,0|0,7 3.4,5.8 3.8,2.2 0,0",
    "E": "3.6,6.8 .2,6.9|.2,7 .1,0|.1,3.6 2.8,3.7|.1,0 3.6,.1",
    "F": "3.8,6.8 .2,6.9|.2,7 .1,0|.1,3.6 2.8,3.7",
    "L": "0,7 .1,.2|.1,.1 3.4,0",
    "N": "0,0 .1,7|.1,7 3.6,0|3.6,0 3.7,7",
    "P": "0,7 .1,0|0,7 3.2,6.3 3,3.8 .1,3.4",
    "S": "3.5,5.8 2,7 .4,5.6 1.8,3.6 3.5,1.7 1.8,0 .1,1",
    "T": "0,6.9 4.4,7|2.2,7 2.1,0",
    "0": "1.8,6.5 .3,4.8 .3,1.6 1.8,0 3.3,1.8 3.2,4.9 1.8,6.5",
    "1": ".2,5.2 1.6,6.5|1.6,6.5 1.6,0",
    "2": ".2,5.2 1.6,6.5 3,5 1.4,1.8 .2,.1|.2,.1 3.3,.2",
    "3": ".3,6 2,6.5 2.8,5 1.3,3.5 3,1.9 1.7,0 .1,.6",
    "4": "2.2,6.5 0,2.1|0,2.1 3.4,2.1|2.4,4 2.3,0",
    "=": "0,3 3.4,3.1|0,1.5 3.4,1.6",
    "+": "0,2.4 3.6,2.5|1.8,4.2 1.8,.6",
    "-": "0,2.4 3,2.5",
    "(": "1.6,7.4 .2,4.8 .2,1.6 1.6,-1",
    ")": "0,7.4 1.4,4.8 1.4,1.6 0,-1",
    "/": "2.6,7.4 0,-1",
    ",": ".5,.3 .1,-1.2",
    ".": ".2,.1 .5,.3",
    ":": ".2,.6 .5,.8|.2,3 .5,3.2",
    "|": ".3,7.4 .3,-1",
    "<": "3.2,4 .2,2.4|.2,2.4 3.2,.8",
    ">": "0,4 3,2.4|3,2.4 0,.8",
    "∫": "3.4,7.6 2.4,8.2 1.7,6.6 1.5,0 .9,-2 0,-1.6",
    "Σ": "4,7 .2,7|.2,7 2.2,3.6|2.2,3.6 .1,0|.1,0 4.2,0",
    "π": "0,3.6 3.9,4|1.1,3.8 .8,0|2.8,3.9 2.8,.8 3.6,0",
    "λ": ".2,6.8 1.2,6.4 3.4,0|1.8,4 .1,0",
    "ε": "2.8,3.4 1.4,4 .4,3.1 1.7,2.2 .3,1.2 1.4,0 2.9,.6",
    "α": "4,4 2.8,1.4 1.4,0 .3,1.2 .6,3.2 1.8,4 2.9,2.4 4,0",
    "φ": "1,4 .2,2.2 1.6,.4 3.4,1.6 3.2,3.6 2,4 1.8,1 1.4,-2.6",
    "∂": ".8,5.8 2.2,6.6 3.2,4.4 2.8,1 1.4,0 .3,1.4 1.2,3.2 3,2.6",
    "∞": "2.6,2 1.2,.8 .2,2 1.2,3.2 2.6,2 4,.8 5,2 4,3.2 2.6,2",
    "→": "0,2.4 5,2.5|3.8,3.6 5,2.5|5,2.5 3.8,1.3",
}

TEXT_LINES = (
    "Theorem (Fourier)",
    "f(x) = a_0 + Σ a_n cos nx",
    "a_n = ∫ f(x) cos nx dx",
    "Proof. Let ε > 0, then",
    "|f - s_n| < ε for n > N",
    "λ_1 + λ_2 = tr A",
    "det (A - λE) = 0",
    "∂u/∂t = α ∂^2u/∂x^2",
    "Def. norm of x in L^2",
    "lim a_n = π/4",
    "x^2 + y^2 = 1",
    "Note: n → ∞",
    "P(A|B) = P(A,B)/P(B)",
    "Lemma 2. Then x < y",
    "Σ 1/n^2 = π^2/3 - ...",
    "so that s_n → f(x)",
)
"""Lines the lecturer may write; `_` and `^` lower and raise the next sign."""


def write_line(text: str, left: float, baseline: float, x_height: float, rng: np.random.Generator) -> list[Stroke]:
    """The strokes of one line of handwriting; `left`, `baseline` and `x_height` in the units of the result."""
    strokes: list[Stroke] = []
    cursor, shift = left, ""
    for sign in text:
        if sign in "_^":
            shift = sign
            continue
        scale = x_height / _X_HEIGHT * (0.68 if shift else 1.0) * rng.uniform(0.93, 1.07)
        rise = {"_": -0.45, "^": 0.95, "": 0.0}[shift] * x_height + rng.normal(0, 0.05) * x_height
        shift = ""
        if sign == " ":
            cursor += 0.75 * x_height
            continue
        glyph = _glyph(sign, rng)
        slant = 0.16
        strokes += [
            np.stack([cursor + scale * (s[:, 0] + slant * s[:, 1]), baseline - rise - scale * s[:, 1]], axis=1)
            for s in glyph
        ]
        cursor += scale * (max(s[:, 0].max() for s in glyph) + 1.35)
    return strokes


def axes_with_curve(
    left: float, top: float, width: float, height: float, x_height: float, rng: np.random.Generator
) -> list[Stroke]:
    """Two axes with arrow heads, a damped wave and its labels; every long stroke goes up or to the right."""
    x0, y0 = left + 0.08 * width, top + 0.55 * height
    wave_x = np.linspace(0, 0.82 * width, 70)
    wave = np.exp(-2.2 * wave_x / width) * np.cos(wave_x / width * rng.uniform(14, 19))
    arrow = 0.03 * width
    right = left + width
    return [
        *_lines((x0, top + height), (x0, top), (x0 - arrow, top + arrow)),
        *_lines((left, y0), (right, y0), (right - arrow, y0 - arrow)),
        *write_line("x", right - 0.1 * width, y0 + 0.2 * height, x_height, rng),
        np.stack([x0 + wave_x, y0 - 0.45 * height * wave], axis=1),
        *write_line("f(x)", x0 + 0.3 * width, top + 0.1 * height, x_height, rng),
    ]


def triangle_in_circle(
    left: float, top: float, width: float, height: float, x_height: float, rng: np.random.Generator
) -> list[Stroke]:
    """A circle of two arcs, a triangle in it and two equations; every long stroke goes up or to the right."""
    radius = 0.42 * height
    centre = np.array([left + 0.3 * width, top + 0.5 * height])
    turn = np.linspace(-np.pi, 0, 30)
    arc = (
        radius * (1 + 0.02 * np.sin(3 * turn + rng.uniform(0, 6)))[:, None] * np.stack([np.cos(turn), np.sin(turn)], 1)
    )
    corners = [centre + radius * np.array([np.cos(a), np.sin(a)]) for a in (-2.9, -0.7, 1.4)]
    label_x = left + 0.62 * width
    return [
        centre + arc,
        centre + arc * (1, -1),
        *_lines(corners[0], corners[1]),
        *_lines(corners[0], corners[2], corners[1]),
        *write_line("α + φ = π", label_x, top + 0.4 * height, x_height, rng),
        *write_line("r = 1", label_x, top + 0.8 * height, x_height, rng),
    ]


def _lines(*corners: tuple[float, float] | np.ndarray) -> list[Stroke]:
    points = [np.asarray(c, float) for c in corners]
    ramp = np.linspace(0, 1, 12)[:, None]
    return [p + ramp * (q - p) for p, q in pairwise(points)]


def _glyph(sign: str, rng: np.random.Generator) -> list[Stroke]:
    strokes = []
    for part in _GLYPHS[sign].split("|"):
        points = np.array([[float(v) for v in point.split(",")] for point in part.split()])
        strokes.append(_smooth_curve(points + rng.normal(0, 0.09, points.shape)))
    return strokes


def _smooth_curve(points: np.ndarray, steps: int = 5) -> Stroke:
    """Catmull-Rom spline through the points."""
    if len(points) == 2:
        return np.linspace(points[0], points[1], steps)
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    u = np.arange(steps)[:, None] / steps
    pieces = []
    for p0, p1, p2, p3 in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        pieces.append(
            0.5 * (2 * p1 + (p2 - p0) * u + (2 * p0 - 5 * p1 + 4 * p2 - p3) * u**2 + (3 * p1 - p0 - 3 * p2 + p3) * u**3)
        )
    return np.concatenate([*pieces, points[-1:]])
