"""How well r mends masks, and how good the pictures are, for driving masks that are perturbed less and more.

    python packages/animate/benchmarks/bench_perturbation.py /tmp/bench_actors
    python packages/animate/benchmarks/bench_perturbation.py /tmp/bench_actors --weights run/animation.safetensors

Reconstruction of rendered people whom nobody has trained on. Their masks by m go through P_test (as in every animation)
and through P_train (as in training), each at several strengths: at 1 as published, at 0 only what is faint is removed.
"none" is m straight to L and H. A robust model has flat columns; one that sees through the perturbation gives the
driving subject's shape away. Prints a table and writes a picture of one frame: masks as perturbed, as refined, and the
result, a column for each strength: look at it. Rendered videos are those of bench_actors.py, in the same folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from _people import parser_of

from maskreel.animate.evaluation import stored_case
from maskreel.animate.perturb import perturb_for_inference, perturb_for_training
from maskreel.animate.weights import load_model
from maskreel.common.cli import plain_table
from maskreel.common.metrics import iou
from maskreel.common.show import contact_sheet, save_image

if TYPE_CHECKING:
    from torch import Tensor

    from maskreel.animate.evaluation import WorldCase
    from maskreel.animate.model import AnimationModel

STRENGTHS = (0.0, 0.5, 1.0, 1.5, 2.0)
SURE = 0.5


class Way(NamedTuple):
    """How masks are perturbed."""

    name: str
    strength: float | None


WAYS = (Way("none", None), *(Way(name, strength) for name in ("P_test", "P_train") for strength in STRENGTHS))


class Made(NamedTuple):
    """What becomes of the masks of a video."""

    given: Tensor
    refined: Tensor
    pictures: Tensor


def main() -> None:
    options = parser_of(__doc__, videos=20).parse_args()
    torch.set_num_threads(options.threads)
    model = load_model(options.weights)
    sums = {way: torch.zeros(3, dtype=torch.float64) for way in WAYS}
    for number in range(options.videos):
        case = stored_case(options.out / "cache", number, size=model.config.size, frames=options.frames)
        made = {way: _made(model, case, way) for way in WAYS}
        for way in WAYS:
            sums[way] += torch.tensor(_scores(model, case, made[way], made[WAYS[0]].given), dtype=torch.float64)
        if number == 0:
            save_image(options.out / "perturbation.png", _sheet(model, made))
    rows = [
        (way.name, "" if way.strength is None else f"{way.strength:g}", *(f"{value:.4f}" for value in total))
        for way, total in ((way, (sums[way] / options.videos).tolist()) for way in WAYS)
    ]
    print(plain_table(("perturbation", "strength", "IoU of r with m", "IoU of r with truth", "L1 of H"), rows), end="")
    print(options.out / "perturbation.png")


@torch.inference_mode()
def _made(model: AnimationModel, case: WorldCase, way: Way) -> Made:
    source, masks = model.source(case.source.float() / 255), model.masks(case.own.float() / 255)
    if way.strength is None:
        return Made(masks, masks, model.pictures(source, masks)[1])
    if way.name == "P_test":
        given = perturb_for_inference(masks, threshold=model.config.threshold, strength=way.strength)
    else:
        draws = torch.Generator().manual_seed(0)
        given = perturb_for_training(masks, threshold=model.config.threshold, strength=way.strength, generator=draws)
    refined = model.refined(source, given, perturbed=True)
    return Made(given, refined, model.pictures(source, refined)[1])


def _scores(model: AnimationModel, case: WorldCase, made: Made, masks: Tensor) -> list[float]:
    """IoU with m, IoU with the truth, L1."""
    found, expected = (model.enlarge(part)[:, 0] > SURE for part in (made.refined, masks))
    error = (made.pictures - case.own.float() / 255).abs().mean()
    return [iou(found, expected).mean().item(), iou(found, case.own_masks).mean().item(), error.item()]


def _sheet(model: AnimationModel, made: dict[Way, Made]) -> Tensor:
    columns = [f"{way.name} {'' if way.strength is None else way.strength}" for way in WAYS]
    rows = [[model.enlarge(one.given)[-1].expand(3, -1, -1) for one in made.values()]]
    rows.append([model.enlarge(one.refined)[-1].expand(3, -1, -1) for one in made.values()])
    rows.append([one.pictures[-1] for one in made.values()])
    pictures = [(picture * 255).round().clamp(0, 255).byte() for row in rows for picture in row]
    return contact_sheet(pictures, columns=len(WAYS), titles=[*columns, *([""] * (2 * len(WAYS)))])


if __name__ == "__main__":
    main()
