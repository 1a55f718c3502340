"""What networks see in inverted clips of the table world that nobody has seen before, with controls beside it.

    python packages/inversion/benchmarks/bench_world.py /tmp/vfp/medium/val --out /tmp/bench_world --threads 1

Every clip is inverted from its masks and judged at once; both are kept in the folder, so a stopped run goes on with the
next clip, and the same command prints the tables again. The teacher's J with the boxes given proves nothing; the
verifier has other weights and another architecture, and gets nothing but the frames. Intervals are those of the
bootstrap over clips. The same folder is good for the same flags only.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from _clips import Clip, add_clip_flags, add_config_flags, clips, config_of, markdown

from maskreel.common.atomic import atomic_path, write_json
from maskreel.common.maskrcnn import SHAPES_CLASS_NAMES, MaskRCNN
from maskreel.common.show import contact_sheet, save_image
from maskreel.inversion._picture import read_picture
from maskreel.inversion.inverter import MaskInverter
from maskreel.inversion.report import (
    MIN_PIXELS,
    Evidence,
    MaskRCNNVerifier,
    ObjectScore,
    Opinion,
    VerifierScore,
    estimate,
    open_verifier,
    require_independent,
    score_frames,
    self_score,
    swapped,
)
from maskreel.inversion.report.pictures import INVERTED, SWAPPED, pictures_of
from maskreel.inversion.report.tables import score_table, self_table, sequence_table
from maskreel.inversion.statistics._fingerprint import fingerprint
from maskreel.inversion.teachers import MaskRCNNTeacher

if TYPE_CHECKING:
    from maskreel.inversion.report import Verifier

UNET = Path(__file__).resolve().parents[2] / "common/tests/assets/unet.safetensors"
SHOWN = 4
"""Frames of a clip on the contact sheet."""


def main() -> None:
    options = _options()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    config = config_of(options, coherence=options.coherence)
    inverter = MaskInverter(config)
    assert isinstance(inverter.teacher, MaskRCNNTeacher)
    assert isinstance(inverter.teacher.network, MaskRCNN)
    independent = open_verifier(options.verifier)
    require_independent(independent, inverter.teacher)
    verifiers = [
        independent,
        MaskRCNNVerifier(inverter.teacher.network, "the teacher's full pipeline", is_teacher=True),
    ]
    _keep_settings(options.out, {"config": asdict(config), "every": options.every, "frames": options.frames})
    options.clips += 1  # the last one lends its masks only
    judged = []
    for clip, other in pairwise(clips(options.split, options)):
        judged.append(_of_clip(clip, other, inverter, verifiers, options.out / clip.name))
        _say(judged[-1])
    _report(judged, verifiers)
    _sheet(judged, options.out)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("split", type=Path, nargs="?", help="train or val of a vfp data set; rendered clips without")
    parser.add_argument("--out", type=Path, required=True, help="folder for frames, results and the contact sheet")
    parser.add_argument("--verifier", default=f"unet:{UNET}", help="as in `maskreel inversion report`")
    parser.add_argument("--coherence", choices=("layers", "chain", "none"), default="layers")
    parser.add_argument("--threads", type=int, default=1)
    add_clip_flags(parser, clips=20)
    add_config_flags(parser)
    return parser.parse_args()


def _keep_settings(folder: Path, settings: dict[str, Any]) -> None:
    """Results of other settings must not end up in the same table."""
    file, settings = folder / "settings.json", json.loads(json.dumps(settings))
    if file.is_file() and json.loads(file.read_text()) != settings:
        raise SystemExit(f"{folder} holds results of other settings, see settings.json; choose another --out")
    write_json(file, settings)


def _of_clip(
    clip: Clip, other: Clip, inverter: MaskInverter, verifiers: list[Verifier], folder: Path
) -> dict[str, Any]:
    """Frames and judgement of one clip; those that are there already are read."""
    folder.mkdir(exist_ok=True)
    if not (folder / "made.json").is_file():
        write_json(folder / "made.json", _make(clip, inverter, folder))
    frames = torch.stack([read_picture(file) for file in sorted(folder.glob("?????.png"))])
    file = folder / f"judged_{_witness(verifiers)}.json"
    if not file.is_file():
        judged = _judge(clip, other, frames, inverter, verifiers)
        with atomic_path(file) as scratch:
            scratch.write_text(json.dumps(judged))  # with NaN, where there is no average precision
    made = json.loads((folder / "made.json").read_text())
    return made | json.loads(file.read_text()) | {"clip": clip, "frames": frames}


def _witness(verifiers: list[Verifier]) -> str:
    """Changes with the weights of the verifiers, whose files may have been replaced."""
    networks = [verifier.network for verifier in verifiers if verifier.network is not None]
    return fingerprint(torch.nn.ModuleList(networks))[:12]


def _make(clip: Clip, inverter: MaskInverter, folder: Path) -> dict[str, Any]:
    start, cpu = time.perf_counter(), time.process_time()
    frames = inverter.invert(clip.targets)
    taken = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu}
    for number, frame in enumerate(frames):
        save_image(folder / f"{number:05d}.png", frame)
    return taken


def _judge(
    clip: Clip, other: Clip, frames: torch.Tensor, inverter: MaskInverter, verifiers: list[Verifier]
) -> dict[str, Any]:
    subject = clip.subject(frames)
    pictures = pictures_of(subject)
    wrong, names = swapped([subject, other.subject()], 0)
    opinions = []
    for verifier in verifiers:
        seen = {kind: score_frames(one, clip.targets, SHAPES_CLASS_NAMES, verifier) for kind, one in pictures.items()}
        seen[SWAPPED] = score_frames(frames, wrong, names, verifier)
        opinions.append({kind: asdict(score) for kind, score in seen.items()})
    own = {kind: self_score(inverter.teacher, subject.with_frames(one)) for kind, one in pictures.items()}
    return {"opinions": opinions, "own": {kind: asdict(score) for kind, score in own.items()}}


def _score(stored: dict[str, Any]) -> VerifierScore:
    objects = tuple(ObjectScore(**one) for one in stored["objects"])
    return VerifierScore(stored["verifier"], objects, stored["ap50"], stored["frames"])


def _say(judged: dict[str, Any]) -> None:
    own, (verifier, *_) = _score(judged["own"][INVERTED]), judged["opinions"]
    theirs = _score(verifier[INVERTED])
    found = theirs.found(0.6)
    print(
        f"{judged['clip'].name}: {judged['seconds']:.0f} s, teacher J {own.mean():.3f}, verifier J {theirs.mean():.3f},"
        f" found {sum(found):.0f} of {len(found)}",
        flush=True,
    )


def _report(judged: list[dict[str, Any]], verifiers: list[Verifier]) -> None:
    counts = [len(one["frames"]) for one in judged]
    evidence = Evidence([one["clip"].name for one in judged], counts, counts, MIN_PIXELS)
    for place, verifier in enumerate(verifiers):
        opinion = Opinion(verifier.name, verifier.is_teacher)
        for kind in judged[0]["opinions"][place]:
            opinion.scores[kind] = [_score(one["opinions"][place][kind]) for one in judged]
        evidence.opinions.append(opinion)
    for kind in judged[0]["own"]:
        evidence.self_scores[kind] = [_score(one["own"][kind]) for one in judged]
    print("\nThe teacher, boxes and classes given:")
    markdown(*self_table(evidence))
    for opinion in evidence.opinions:
        print(f"\nNothing given: {opinion.name}")
        markdown(*score_table(opinion, evidence))
    print(f"\nClips, {evidence.opinions[0].name}")
    markdown(*sequence_table(evidence.opinions[0], evidence))
    print("\nCost of a frame:")
    taken = {kind: [[one[kind] / len(one["frames"])] for one in judged] for kind in ("seconds", "cpu_seconds")}
    markdown(["what", "mean"], [[kind, str(estimate(values))] for kind, values in taken.items()])


def _sheet(judged: list[dict[str, Any]], folder: Path) -> None:
    cells, titles = [], []
    for one in judged:
        places = torch.linspace(0, len(one["frames"]) - 1, min(SHOWN, len(one["frames"]))).round().long().tolist()
        for title, frames in (("real", one["clip"].real), ("inverted", one["frames"])):
            cells += [frames[place] for place in places]
            titles += [f"{title} {one['clip'].name} {place}" for place in places]
    columns = len(cells) // (2 * len(judged))
    save_image(folder / "sheet.png", contact_sheet(cells, columns=columns, titles=titles, gap=4))


if __name__ == "__main__":
    main()
