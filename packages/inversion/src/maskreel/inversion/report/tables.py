"""The tables of the report: numbers with how many cases they come from."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from maskreel.inversion.report.controls import normalised
from maskreel.inversion.report.estimate import Estimate, estimate
from maskreel.inversion.report.memorisation import mean_of
from maskreel.inversion.report.pictures import INVERTED, KINDS, NOISE, REAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maskreel.inversion.report.evidence import Evidence, Opinion
    from maskreel.inversion.report.score import VerifierScore

    Cell = str | int | float | None
    Table = tuple[list[str], list[list[Cell]]]

__all__ = [
    "as_json",
    "cost_table",
    "distribution_table",
    "nearest_table",
    "score_table",
    "self_table",
    "sequence_table",
    "statistics_table",
    "steadiness_table",
]

_KEYS = {
    "teacher": ("teacher",),
    "iterations": ("iterations",),
    "seconds": ("seconds",),
    "peak MiB": ("peak_mib", "peak_memory_mib", "memory_mib"),
    "device": ("device",),
}
"""Column -> names in a run's record."""


def score_table(opinion: Opinion, evidence: Evidence) -> Table:
    """One row for each kind of picture."""
    header = ["pictures", "n objects", "sequences", "found, J 0.5", "found, J 0.6", "right class", "J", "F"]
    header += ["J of any class", "AP50", "normalised J", "J decay"]
    j = {kind: estimate([one.values("j") for one in scores]) for kind, scores in opinion.scores.items()}
    rows: list[list[Cell]] = []
    for kind in (kind for kind in KINDS if kind in opinion.scores):
        scores = opinion.scores[kind]
        row: list[Cell] = [kind, j[kind].count, j[kind].sequences]
        row += [str(estimate([one.found(at) for one in scores])) for at in (0.5, 0.6)]
        row += [str(estimate([one.values(name) for one in scores])) for name in ("named", "j", "f", "j_any")]
        row += [_mean([one.ap50 for one in scores]), _normalised(kind, j), _mean([one.decay() for one in scores])]
        rows.append(row)
    return header, rows


def self_table(evidence: Evidence) -> Table:
    """The teacher's J, and what is left of it with each verifier."""
    header = ["pictures", "n objects", "teacher J", "teacher F"]
    header += [f"transfer gap to {one.name}" for one in evidence.opinions]
    rows: list[list[Cell]] = []
    for kind in (kind for kind in KINDS if kind in evidence.self_scores):
        scores = evidence.self_scores[kind]
        j = estimate([one.values("j") for one in scores])
        row: list[Cell] = [kind, j.count, str(j), str(estimate([one.values("f") for one in scores]))]
        row += [_number(transfer_gap(scores, one.scores[kind])) for one in evidence.opinions]
        rows.append(row)
    return header, rows


def transfer_gap(teacher: Sequence[VerifierScore], verifier: Sequence[VerifierScore]) -> float:
    """Teacher J less verifier J, mean over the objects that both were asked for."""
    gaps = []
    for ours, theirs in zip(teacher, verifier, strict=True):
        known = {(one.frame, one.place): one.j for one in theirs.objects}
        gaps += [one.j - known[one.frame, one.place] for one in ours.objects if (one.frame, one.place) in known]
    return math.fsum(gaps) / len(gaps) if gaps else math.nan


def sequence_table(opinion: Opinion, evidence: Evidence) -> Table:
    """The inverted frames of each sequence."""
    header = ["sequence", "frames seen", "frames", "n objects", "found, J 0.6", "right class", "J", "F", "J decay"]
    rows: list[list[Cell]] = []
    for place, score in enumerate(opinion.scores[INVERTED]):
        found = score.found(0.6)
        values = [sum(found) / len(found) if found else math.nan, *map(score.mean, ("named", "j", "f")), score.decay()]
        counts: list[Cell] = [evidence.frames[place], evidence.total_frames[place], len(found)]
        rows.append([evidence.sequences[place], *counts, *map(_number, values)])
    return header, rows


def statistics_table(evidence: Evidence) -> Table:
    """Mean distance over layers and sequences, and as a multiple of that of real frames."""
    header = ["pictures", "sequences", "frames in a batch", "distance", "first layer", "last layer", "times real"]
    means = {kind: _mean([_mean_of(one) for one in rows]) for kind, rows in evidence.statistics.items()}
    rows: list[list[Cell]] = []
    for kind in (kind for kind in KINDS if kind in evidence.statistics):
        layers = evidence.statistics[kind]
        ends = [_mean([list(one.values())[end] for one in layers]) for end in (0, -1)]
        rows.append(
            [kind, len(layers), evidence.statistics_batch, means[kind], *ends, _ratio(means[kind], means.get(REAL))]
        )
    return header, rows


def steadiness_table(evidence: Evidence) -> Table:
    """Each sequence and kind of picture, with the fidelity that belongs to it."""
    header = ["sequence", "pictures", "n pairs", "E_warp x 100", "background flicker", "colour drift"]
    header += [f"J by {one.name}" for one in evidence.opinions]
    rows: list[list[Cell]] = []
    for name, kinds in evidence.steadiness.items():
        place = evidence.sequences.index(name)
        for kind, one in kinds.items():
            row: list[Cell] = [name, kind, one.pairs, *map(_number, (100 * one.warping, one.background, one.drift))]
            rows.append([*row, *(_number(opinion.scores[kind][place].mean()) for opinion in evidence.opinions)])
    return header, rows


def nearest_table(evidence: Evidence) -> Table:
    """PSNR and SSIM of the nearest real frames."""
    header = ["pictures", "real frames of", "n pictures", "PSNR of the nearest", "SSIM of the nearest"]
    rows: list[list[Cell]] = []
    for kind, places in evidence.nearest.items():
        for place, found in places.items():
            rows.append([kind, place, len(found), mean_of(found, "psnr"), mean_of(found, "ssim")])
    return header, rows


def distribution_table(evidence: Evidence) -> Table:
    """Kernel distances, or why there is none."""
    rows: list[list[Cell]] = []
    for kind, found in evidence.distribution.items():
        if isinstance(found, str):
            rows.append([kind, None, None, None, found])
        else:
            rows.append([kind, *found.counts, found.value, f"standard deviation {found.deviation:.2g}"])
    return ["pictures", "n pictures", "n real", "kernel distance", ""], rows


def cost_table(evidence: Evidence) -> Table:
    """What the runs wrote down."""
    rows: list[list[Cell]] = []
    for name, frames, record in zip(evidence.sequences, evidence.total_frames, evidence.records, strict=True):
        known = [next((record[key] for key in keys if key in record), None) for keys in _KEYS.values()]
        seconds = record.get("seconds")
        each = float(seconds) / frames if isinstance(seconds, int | float) else None
        rows.append([name, frames, *map(_plain, known), each])
    return ["sequence", "frames", *_KEYS, "seconds per frame"], rows


def as_json(evidence: Evidence) -> dict[str, Any]:
    """The tables as JSON, for comparing runs by program."""
    tables: dict[str, Table] = {f"scores by {one.name}": score_table(one, evidence) for one in evidence.opinions}
    tables |= {f"sequences by {one.name}": sequence_table(one, evidence) for one in evidence.opinions}
    tables["teacher"] = self_table(evidence)
    tables["statistics"] = statistics_table(evidence)
    tables["steadiness"] = steadiness_table(evidence)
    tables["nearest real frame"] = nearest_table(evidence)
    tables["distribution"] = distribution_table(evidence)
    tables["cost"] = cost_table(evidence)
    made = {name: [dict(zip(header, row, strict=True)) for row in rows] for name, (header, rows) in tables.items()}
    about = {"flow": evidence.flow_source, "min_pixels": evidence.min_pixels, "notes": evidence.notes}
    return about | made


def _normalised(kind: str, j: Mapping[str, Estimate]) -> float | None:
    if REAL not in j or NOISE not in j:
        return None
    return _number(normalised(j[kind].value, noise=j[NOISE].value, real=j[REAL].value))


def _mean(values: Sequence[float]) -> float | None:
    known = [value for value in values if not math.isnan(value)]
    return math.fsum(known) / len(known) if known else None


def _ratio(value: float | None, base: float | None) -> float | None:
    return value / base if value is not None and base else None


def _mean_of(layers: Mapping[str, float]) -> float:
    return math.fsum(layers.values()) / len(layers)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _plain(value: Any) -> Cell:
    return value if value is None or isinstance(value, str | int | float) else str(value)
