"""The parts that a config names. Networks are imported and loaded when a job needs them, in the process that does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from maskreel.inpaint.flow.completer import BackgroundCompleter, LaplaceCompleter
from maskreel.inpaint.flow.estimation import DISFlow
from maskreel.inpaint.flow.fill import FlowFillConfig
from maskreel.inpaint.painting.image_inpainter import ClassicalInpainter
from maskreel.inpaint.painting.patch_inpainter import PatchInpainter

if TYPE_CHECKING:
    from maskreel.inpaint.config import Completion, InpaintConfig
    from maskreel.inpaint.flow.completer import FlowCompleter
    from maskreel.inpaint.flow.estimation import FlowEstimator
    from maskreel.inpaint.painting.image_inpainter import ImageInpainter
    from maskreel.inpaint.segmenters.protocol import Segmenter

__all__ = [
    "Parts",
    "chosen_completion",
    "flow_completer",
    "flow_estimator",
    "image_inpainter",
    "people_segmenter",
    "propagation_settings",
]


@dataclass(frozen=True)
class Parts:
    """What measures flow, completes it, and paints: given by hand or, where None, as the config names it."""

    estimator: FlowEstimator | None = None
    completer: FlowCompleter | None = None
    inpainter: ImageInpainter | None = None

    def __repr__(self) -> str:
        """What is given, so that a job knows whether what was filled still holds."""
        return ", ".join(f"{name}={part!r}" for name, part in vars(self).items() if part is not None)

    def loaded(self, config: InpaintConfig, *, flow: bool) -> Parts:
        """All parts, those for flow only if wanted; InputError and MissingExtraError as networks raise them."""
        inpainter = self.inpainter or image_inpainter(config)
        if not flow:
            return Parts(inpainter=inpainter)
        return Parts(self.estimator or flow_estimator(config), self.completer or flow_completer(config), inpainter)


def people_segmenter(config: InpaintConfig) -> Segmenter:
    """The network that finds people; InputError and MissingExtraError as it raises them."""
    assert config.segmenter != "motion"
    weights = config.segmenter_weights
    if config.segmenter in ("torchvision-deeplabv3", "torchvision-fcn"):
        from maskreel.inpaint.segmenters.torchvision import TorchvisionSegmenter

        return TorchvisionSegmenter(config.segmenter, weights=weights, device=config.device)
    from maskreel.inpaint.openmmlab import OpenMMLabSegmenter

    assert weights is not None
    return OpenMMLabSegmenter(weights, config=config.segmenter_config or config.segmenter, device=config.device)


def flow_estimator(config: InpaintConfig) -> FlowEstimator:
    """What measures optical flow."""
    if config.flow == "dis":
        return DISFlow()
    if config.flow == "raft":
        from maskreel.inpaint.flow.raft import RAFTFlow

        return RAFTFlow(weights=config.flow_weights, device=config.device)
    from maskreel.inpaint.openmmlab import FlowNet2

    assert config.flow_weights is not None
    return FlowNet2(config.flow_weights, config=config.flow_config or "flownet2", device=config.device)


def chosen_completion(config: InpaintConfig) -> Completion:
    """How flow behind holes is found: as told, else as the mode has it."""
    return config.completion or ("dfc" if config.mode == "dfc" else "auto")


def flow_completer(config: InpaintConfig) -> FlowCompleter:
    """What finds the flow behind holes."""
    completion = chosen_completion(config)
    if completion == "background":
        return BackgroundCompleter()
    if completion == "laplace":
        return LaplaceCompleter()
    if completion == "dfc":
        return _dfc(config)
    from maskreel.inpaint.flow.auto_completer import AutoCompleter

    return AutoCompleter([BackgroundCompleter(), _dfc(config)])


def image_inpainter(config: InpaintConfig) -> ImageInpainter:
    """What paints pixels that no frame shows."""
    if config.fill in ("telea", "ns"):
        return ClassicalInpainter(config.fill)
    if config.fill in ("patches", "small"):
        from maskreel.inpaint.generator import SmallInpainter

        small = SmallInpainter(config.fill_weights, device=config.device)
        return PatchInpainter(small) if config.fill == "patches" else small
    assert config.fill_weights is not None
    if config.fill == "deepfill":
        from maskreel.inpaint.deepfill import DeepFillInpainter

        return DeepFillInpainter(config.fill_weights, device=config.device)
    from maskreel.inpaint.painting.lama import LaMaInpainter

    return LaMaInpainter(config.fill_weights, device=config.device)


def propagation_settings(config: InpaintConfig) -> FlowFillConfig:
    """How pixels are copied along flow."""
    rule = config.propagation or ("published" if config.mode == "dfc" else "ours")
    return FlowFillConfig(
        rule=rule,
        threshold_px=config.threshold,
        iterations=config.iterations,
        match_exposure=rule == "ours",
    )


def _dfc(config: InpaintConfig) -> FlowCompleter:
    from maskreel.inpaint.dfc import dfc_completer

    return dfc_completer(*config.dfc_weights, device=config.device)
