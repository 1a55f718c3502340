"""`examine`: measure runs by verifiers, the teacher and without a network, controls beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from maskreel.inversion.report.controls import swapped
from maskreel.inversion.report.distribution import kernel_distance
from maskreel.inversion.report.evidence import Evidence, Opinion
from maskreel.inversion.report.independence import require_independent
from maskreel.inversion.report.memorisation import nearest_frames
from maskreel.inversion.report.pictures import INVERTED, NOISE, REAL, SILHOUETTE, SWAPPED, pictures_of
from maskreel.inversion.report.score import MIN_PIXELS, score_found
from maskreel.inversion.report.self_score import self_score
from maskreel.inversion.report.statistics import has_statistics, norm_distances, pooled_features
from maskreel.inversion.report.strips import strip
from maskreel.inversion.report.temporal import mask_motion, steadiness

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from maskreel.inversion.report.subject import Subject
    from maskreel.inversion.report.temporal import DeclaredFlow
    from maskreel.inversion.report.verifier import Found, Verifier
    from maskreel.inversion.teachers import Teacher

__all__ = ["examine"]

_STRIPS = 8
"""Sequences with pictures on the page."""
_COLUMNS = 4
"""Frames of each."""
_NEAREST = 6
"""Frames of each sequence that real ones are compared with."""
_SHOWN = (INVERTED, REAL, SILHOUETTE, NOISE)


def examine(
    subjects: Sequence[Subject],
    *,
    verifiers: Sequence[Verifier],
    teacher: Teacher | None = None,
    frames: int = 24,
    min_pixels: int = MIN_PIXELS,
    flows: Mapping[str, DeclaredFlow] | None = None,
    seed: int = 0,
    progress: Callable[[int], object] | None = None,
) -> Evidence:
    """Measure all that the report tells.

    Args:
        subjects: The sequences.
        verifiers: Networks that look at the pictures by themselves.
        teacher: The network that was inverted, for its self score and statistics; None: these are left out.
        frames: Frames of each sequence that networks look at, evenly spread; all count for the steadiness.
        min_pixels: Visible pixels of an object that counts.
        flows: Sequence -> flow to measure steadiness along; those not given are told by the masks.
        seed: Of the noise.
        progress: Called with 1 after each sequence.

    Raises:
        ValueError: There is no sequence, or a verifier is the teacher and does not say so.
    """
    if not subjects:
        raise ValueError("subjects must hold at least one sequence")
    if teacher is not None:
        for verifier in verifiers:
            require_independent(verifier, teacher)
    looked_at = [subject.sampled(frames) for subject in subjects]
    evidence = Evidence(
        [one.name for one in subjects], [len(one) for one in looked_at], [len(one) for one in subjects], min_pixels
    )
    evidence.records = [one.record for one in subjects]
    evidence.opinions = [Opinion(one.name, one.is_teacher) for one in verifiers]
    _begin(evidence, looked_at, teacher)
    features: dict[str, list[torch.Tensor]] = {}
    for place, (subject, sample) in enumerate(zip(subjects, looked_at, strict=True)):
        pictures = pictures_of(sample, seed=seed + place)
        for verifier, opinion in zip(verifiers, evidence.opinions, strict=True):
            _ask(verifier, opinion, looked_at, place, pictures, min_pixels)
        if teacher is not None:
            _ask_teacher(teacher, evidence, sample, pictures, features)
        _measure_steadiness(evidence, subject, (flows or {}).get(subject.name), seed + place)
        _measure_nearest(evidence, looked_at, place, pictures)
        if progress is not None:
            progress(1)
    _measure_distribution(evidence, features)
    return evidence


def _begin(evidence: Evidence, subjects: Sequence[Subject], teacher: Teacher | None) -> None:
    if teacher is None:
        evidence.notes.append("Without the teacher there is no self score, transfer gap or distance of statistics.")
    else:
        evidence.teacher = type(teacher).__name__
        if not has_statistics(teacher):
            evidence.notes.append("The teacher keeps no batch norm statistics of its training; no distance from them.")
    if all(subject.real is None for subject in subjects):
        evidence.notes.append(
            "Without real frames there is no upper bound, no normalised score, and nothing on memorisation."
        )
    if helpers := sorted({str(one.record["verifier"]) for one in subjects if one.record.get("verifier")}):
        evidence.notes.append(
            f"Frames were optimised against {', '.join(helpers)} as well, which is therefore no independent witness."
        )
    if len(subjects) < 2:
        evidence.notes.append("One sequence: no intervals, as the objects and frames of a sequence hang together.")


def _ask(
    verifier: Verifier,
    opinion: Opinion,
    subjects: Sequence[Subject],
    place: int,
    pictures: Mapping[str, torch.Tensor],
    min_pixels: int,
) -> None:
    subject = subjects[place]
    found: dict[str, list[Found]] = {}
    for kind, frames in pictures.items():
        found[kind] = verifier(frames)
        score = score_found(
            found[kind],
            subject.targets,
            subject.class_names,
            verifier=verifier.name,
            min_score=verifier.min_score,
            min_pixels=min_pixels,
        )
        opinion.scores.setdefault(kind, []).append(score)
    if len(subjects) > 1 or len(subject) > 1:
        targets, names = swapped(subjects, place)
        score = score_found(
            found[INVERTED], targets, names, verifier=verifier.name, min_score=verifier.min_score, min_pixels=min_pixels
        )
        opinion.scores.setdefault(SWAPPED, []).append(score)
    if place < _STRIPS:
        places = torch.linspace(0, len(subject) - 1, min(_COLUMNS, len(subject))).round().long().tolist()
        sure = {kind: [one.above(verifier.min_score) for one in found[kind]] for kind in _SHOWN if kind in found}
        opinion.strips[subject.name] = strip(subject, {kind: pictures[kind] for kind in sure}, sure, places)


def _ask_teacher(
    teacher: Teacher,
    evidence: Evidence,
    subject: Subject,
    pictures: Mapping[str, torch.Tensor],
    features: dict[str, list[torch.Tensor]],
) -> None:
    for kind, frames in pictures.items():
        score = self_score(teacher, subject.with_frames(frames), min_pixels=evidence.min_pixels)
        evidence.self_scores.setdefault(kind, []).append(score)
    if not has_statistics(teacher):
        return
    evidence.statistics_batch = min(8, *map(len, pictures.values()))
    for kind, distances in norm_distances(teacher, pictures).items():
        evidence.statistics.setdefault(kind, []).append(distances)
        if kind != NOISE and subject.real is not None:
            features.setdefault(kind, []).append(pooled_features(teacher, pictures[kind]))


def _measure_steadiness(evidence: Evidence, subject: Subject, flow: DeclaredFlow | None, seed: int) -> None:
    if len(subject) < 2:
        return
    flow = mask_motion(subject.targets) if flow is None else flow
    sources = {flow.source, *([evidence.flow_source] if evidence.flow_source else [])}
    evidence.flow_source = "; ".join(sorted(sources))
    whole = pictures_of(subject, seed=seed)
    rows = {kind: steadiness(whole[kind], subject.targets, flow) for kind in _SHOWN if kind in whole}
    evidence.steadiness[subject.name] = rows


def _measure_nearest(
    evidence: Evidence, subjects: Sequence[Subject], place: int, pictures: Mapping[str, torch.Tensor]
) -> None:
    real = subjects[place].real
    if real is None:
        return
    others = [one.real for i, one in enumerate(subjects) if i != place and one.real is not None]
    others = [video for video in others if video.shape[1:] == real.shape[1:]]
    places = torch.linspace(0, len(real) - 1, min(_NEAREST, len(real))).round().long().unique()
    for kind in (INVERTED, REAL, SILHOUETTE):
        rows = evidence.nearest.setdefault(kind, {})
        if kind != REAL:  # a real frame is its own nearest
            rows.setdefault("own video", []).extend(nearest_frames(pictures[kind][places], [real]))
        if others:
            rows.setdefault("other videos", []).extend(nearest_frames(pictures[kind][places], others))


def _measure_distribution(evidence: Evidence, features: Mapping[str, Sequence[torch.Tensor]]) -> None:
    if REAL not in features:
        return
    real = torch.cat(list(features[REAL]))
    for kind, parts in features.items():
        if kind != REAL:
            try:
                evidence.distribution[kind] = kernel_distance(torch.cat(list(parts)), real)
            except ValueError as error:
                evidence.distribution[kind] = f"refused: {error}"
