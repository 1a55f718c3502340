"""The preset `default` against `thesis` on the same frames with the same witness: how good, and how soon.

    python packages/inversion/benchmarks/bench_presets.py /tmp/vfp/medium/val --out /tmp/bench_presets --threads 1

Both are looked at while they work, `--looks` times each. The seconds of a look are those of all frames stopped there,
without the looking. The thesis makes frame after frame, with 2,000 iterations each; fewer (--steps-thesis) are the same
run stopped early, because its learning rate is constant. Its losses are weighted as in DeepInversion's code.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from _clips import add_clip_flags, add_config_flags, clips, clock, config_of, markdown
from torch.nn import functional

from maskreel.common.maskrcnn import SHAPES_CLASS_NAMES
from maskreel.common.show import contact_sheet, save_image
from maskreel.inversion.config import PRESETS
from maskreel.inversion.inverter import MaskInverter
from maskreel.inversion.report import estimate, open_verifier, require_independent, score_frames, self_score

if TYPE_CHECKING:
    from _clips import Clip

    from maskreel.inversion.config import InversionConfig
    from maskreel.inversion.report import Verifier, VerifierScore

UNET = Path(__file__).resolve().parents[2] / "common/tests/assets/unet.safetensors"


@dataclass
class Look:
    """All clips, stopped after a share of the steps."""

    steps: int
    seconds: float = 0.0
    frames: int = 0
    verifier: list[VerifierScore] = field(default_factory=list)
    teacher: list[VerifierScore] = field(default_factory=list)

    @property
    def j(self) -> float:
        return estimate([one.values("j") for one in self.verifier]).value

    @property
    def seconds_per_frame(self) -> float:
        return self.seconds / self.frames


def main() -> None:
    options = _options()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    thesis = replace(PRESETS["thesis"], seed=options.seed)
    if options.steps_thesis is not None:
        thesis = replace(thesis, steps=options.steps_thesis)
    configs = {"default": config_of(options), "thesis": thesis}
    verifier = open_verifier(options.verifier)
    looks = {name: [Look(steps) for steps in _stops(one, options.looks)] for name, one in configs.items()}
    for clip in clips(options.split, options):
        last = {name: _watch(clip, one, verifier, looks[name]) for name, one in configs.items()}
        _sheet(clip, last, options.out / f"{clip.name}.png")
        print(f"{clip.name}: " + ", ".join(f"{name} verifier J {one[-1].j:.3f}" for name, one in looks.items()))
    _report(looks, verifier.name)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("split", type=Path, nargs="?", help="train or val of a vfp data set; rendered clips without")
    parser.add_argument("--out", type=Path, required=True, help="folder for pictures")
    parser.add_argument("--verifier", default=f"unet:{UNET}", help="as in `maskreel inversion report`")
    parser.add_argument("--steps-thesis", type=int, help="instead of the thesis's 2,000")
    parser.add_argument("--looks", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    add_clip_flags(parser, clips=2)
    add_config_flags(parser)
    parser.set_defaults(frames=4)
    return parser.parse_args()


def _stops(config: InversionConfig, looks: int) -> list[int]:
    """Steps after which frames are looked at."""
    return sorted({max(1, round(config.steps * (k + 1) / looks)) for k in range(looks)})


def _watch(clip: Clip, config: InversionConfig, verifier: Verifier, looks: list[Look]) -> torch.Tensor:
    """Invert a clip and add to the looks; returns the frames as they are in the end."""
    inverter = MaskInverter(config)
    require_independent(verifier, inverter.teacher)
    work = inverter.work(clip.targets)
    seen: list[list[torch.Tensor]] = [[] for _ in looks]
    for part in range(work.parts):
        work.only(part)
        spent, start = 0.0, clock()
        optimisation = work.begin(part)
        for stop, (look, pictures) in enumerate(zip(looks, seen, strict=True)):
            while optimisation.step < look.steps:
                optimisation.advance()
            last = optimisation.frames if stop == len(looks) - 1 else None
            spent += clock() - start
            with torch.no_grad():
                pictures.append(_shown(optimisation.painting.frames(), clip) if last is None else last)
            look.seconds += spent
            start = clock()
    for look, pictures in zip(looks, seen, strict=True):
        frames = torch.cat(pictures)
        look.frames += len(frames)
        look.verifier.append(score_frames(frames, clip.targets, SHAPES_CLASS_NAMES, verifier))
        look.teacher.append(self_score(inverter.teacher, clip.subject(frames)))
    return torch.cat(seen[-1])


def _shown(images: torch.Tensor, clip: Clip) -> torch.Tensor:
    """Uint8 and, while they are still small, enlarged."""
    size = clip.targets[0].size
    if tuple(images.shape[-2:]) != size:
        images = functional.interpolate(images, size, mode="bilinear", align_corners=False)
    return (images.clamp(0, 1) * 255).round().to(torch.uint8)


def _sheet(clip: Clip, last: dict[str, torch.Tensor], file: Path) -> None:
    rows = {"real": clip.real, **last}
    cells = [frame for frames in rows.values() for frame in frames]
    titles = [f"{name} {number}" for name, frames in rows.items() for number in range(len(frames))]
    save_image(file, contact_sheet(cells, columns=len(clip.real), titles=titles, gap=4))


def _report(looks: dict[str, list[Look]], verifier: str) -> None:
    rows = []
    for name, each in looks.items():
        for look in each:
            found = estimate([one.found(0.6) for one in look.verifier])
            j, own = (estimate([one.values("j") for one in scores]) for scores in (look.verifier, look.teacher))
            rows.append([name, look.steps, look.seconds_per_frame, str(j), str(found), str(own)])
    print(f"\n{looks['default'][0].frames} frames, {verifier}")
    markdown(["preset", "steps", "s/frame", "verifier J", "found, J 0.6", "teacher J"], rows)
    ours, theirs = looks["default"], looks["thesis"][-1]
    print(f"\nFinal verifier J: default {ours[-1].j:.3f}, thesis {theirs.j:.3f}")
    reached = next((look for look in ours if look.j >= theirs.j), None)
    if reached is None:
        print("The default does not reach the final J of the thesis.")
        return
    print(
        f"The default has the final J of the thesis after {reached.seconds_per_frame:.2f} s/frame or less, the thesis "
        f"takes {theirs.seconds_per_frame:.2f}: a share of {reached.seconds / theirs.seconds:.3f}"
    )


if __name__ == "__main__":
    main()
