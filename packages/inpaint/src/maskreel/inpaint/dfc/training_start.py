"""What a training of DFC-Net begins with: stages of files, a ResNet for images, or first values."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from maskreel.common.errors import InputError
from maskreel.inpaint.dfc.cascade import Cascade
from maskreel.inpaint.dfc.dfc_s import DFCS
from maskreel.inpaint.dfc.networks import filled_stage, new_stage
from maskreel.inpaint.dfc.published import load_imagenet, meant
from maskreel.inpaint.dfc.small import CELLS
from maskreel.inpaint.dfc.weights_file import MOST_CELLS, ImageWeights, PublishedStage, SavedCascade, read_weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import torch

    from maskreel.inpaint.dfc_training.settings import Network, Stage

__all__ = ["cascade_to_train"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Given:
    """A stage that a file holds."""

    path: Path
    number: int
    state: Mapping[str, torch.Tensor]

    def __str__(self) -> str:
        return f"stage {self.number} of {self.path}"


def cascade_to_train(
    network: Network, stage: Stage, weights: Sequence[Path] = (), *, cells: int | None = None
) -> Cascade:
    """The stages up to the one that is trained, each begun as well as the files allow; the log names what was taken.

    A third stage without a file begins with the second, as published.

    Args:
        network: what the stages are.
        stage: what is trained; joint: all stages that the files hold.
        weights: files as `read_weights` knows them. Published stages come in their order, since the second and the
            third look alike. A ResNet for images fills the stage that is trained.
        cells: of the small network; None: as in the files or, without any, as in the one that comes with the package.

    Raises:
        InputError: a file is missing or unfit, holds a stage that another holds or nothing that is needed, or a stage
            that is needed is in none of them.
    """
    _check_cells(network, cells)
    files = [read_weights(path) for path in weights]
    for file in files:
        _check_network(file, network)
    given = _given_stages(files)
    images = _image_weights(files)
    count = max(given, default=0) if stage == "joint" else int(stage)
    _check_stages(stage, count, given, images, files)
    cells = cells or next((file.cells for file in files if isinstance(file, SavedCascade)), CELLS)
    if 3 not in given and 2 in given and images is None:
        given[3] = given[2]
    stages = []
    for number in range(1, count + 1):
        if number in given:
            told, state = str(given[number]), given[number].state
            stages.append(filled_stage(state, number, network=network, source=f"--weights {told}", cells=cells))
        elif images is not None:
            told = f"the ResNet for images of {images.path}, under a new head"
            stages.append(_from_images(number, images))
        else:
            told = "first values"
            stages.append(new_stage(network, number, cells=cells))
        logger.info("stage %d begins with %s", number, told)
    return Cascade(*stages, fractions=(1.0,) * count)


def _from_images(number: int, images: ImageWeights) -> torch.nn.Module:
    stage = new_stage("dfc-s", number)
    assert isinstance(stage, DFCS)
    load_imagenet(stage, images.state, source=f"--weights {images.path}")
    return stage


def _given_stages(files: Sequence[SavedCascade | PublishedStage | ImageWeights]) -> dict[int, _Given]:
    """The stages of all files by their numbers."""
    given: dict[int, _Given] = {}
    for file in files:
        for found in _stages_of(file, given):
            if found.number in given:
                raise InputError(
                    f"--weights {given[found.number].path} and {file.path} both hold stage {found.number}; give one"
                )
            given[found.number] = found
    return given


def _stages_of(file: SavedCascade | PublishedStage | ImageWeights, before: Mapping[int, _Given]) -> list[_Given]:
    """The stages of a file; one with 66 channels is the second, or the third if there is a second `before` it."""
    if isinstance(file, SavedCascade):
        return [_Given(file.path, number, state) for number, state in enumerate(file.states, 1)]
    if isinstance(file, ImageWeights):
        return []
    if file.channels not in (33, 66):
        raise InputError(f"--weights {file.path} is for {meant(file)} of DFC-Net: it has {file.channels} channels in")
    number = 1 if file.channels == 33 else 3 if 2 in before else 2
    return [_Given(file.path, number, file.state)]


def _image_weights(files: Sequence[SavedCascade | PublishedStage | ImageWeights]) -> ImageWeights | None:
    found = [file for file in files if isinstance(file, ImageWeights)]
    if len(found) > 1:
        raise InputError(f"--weights {found[0].path} and {found[1].path} both hold a ResNet for images; give one")
    return found[0] if found else None


def _check_cells(network: Network, cells: int | None) -> None:
    if cells is None:
        return
    if network != "small":
        raise InputError(f"--cells {cells} is for --network small alone; {network} works on every pixel")
    if not 1 <= cells <= MOST_CELLS:
        raise InputError(f"--cells must be 1 to {MOST_CELLS}, got {cells}")


def _check_network(file: SavedCascade | PublishedStage | ImageWeights, network: Network) -> None:
    held = file.network if isinstance(file, SavedCascade) else "dfc-s"
    if held != network:
        raise InputError(f"--weights {file.path} is for --network {held}, got --network {network}")


def _check_stages(
    stage: Stage,
    count: int,
    given: Mapping[int, _Given],
    images: ImageWeights | None,
    files: Sequence[SavedCascade | PublishedStage | ImageWeights],
) -> None:
    """Whether all is there that is needed, and all of use that is there."""
    if stage == "joint" and count == 0:
        raise InputError("--stage joint needs --weights with the stages that are to be trained jointly")
    if missing := [number for number in range(1, count) if number not in given]:
        raise InputError(f"--stage {stage} needs --weights with stage {missing[0]}; train that first")
    if images is not None and count in given:
        raise InputError(
            f"--weights {images.path} holds a ResNet for images, to start a stage from, but there is {given[count]}"
        )
    used = {given[number].path for number in range(1, count + 1) if number in given}
    for file in files:
        if isinstance(file, PublishedStage) and file.path not in used:
            raise InputError(f"--weights {file.path} is for {meant(file)}, which --stage {stage} has no use for")
