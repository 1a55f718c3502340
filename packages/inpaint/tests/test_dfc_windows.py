"""What the stages are shown, against the published lists of files, written out slowly."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from maskreel.inpaint.dfc import Cascade, composite, refine_input, stage1_input, window
from maskreel.inpaint.dfc.windows import limited

SIZE = (16, 24)


class Recorder(nn.Module):
    """Remembers what it is shown and completes every hole with a number."""

    def __init__(self, channels: int, value: float) -> None:
        super().__init__()
        self.channels, self.value = channels, value
        self.shown: list[torch.Tensor] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.shown.append(x)
        return torch.full((len(x), self.channels, *x.shape[-2:]), self.value)


class TimeOrdered(Recorder):
    time_ordered = True


def _clip(count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Flows that tell the pair and the direction, and holes that differ from pair to pair."""
    generator = torch.Generator().manual_seed(count)
    forward, backward = torch.rand(2, 1, count, 2, *SIZE, generator=generator)
    return forward, backward, (torch.rand(1, count, 1, *SIZE, generator=generator) < 0.3).float()


def _named_files(directions: tuple[torch.Tensor, torch.Tensor], masks: torch.Tensor) -> dict[str, torch.Tensor]:
    """As DFVI names them: 00003.flo leads from frame 3 to 4, 00003.rflo from 3 to 2; each has its mask beside it."""
    files = {}
    for pair in range(masks.shape[1]):
        files[f"{pair:05d}.flo"] = torch.cat([directions[0][0, pair], masks[0, pair]])
        files[f"{pair + 1:05d}.rflo"] = torch.cat([directions[1][0, pair], masks[0, pair]])
    return files


def _list_of_files(frame: int, suffix: str, first: int, last: int) -> list[str]:
    """The 11 names around a frame; numbers below the first file or above the last become that file's."""
    names = []
    for number in range(frame - 5, frame + 6):
        if number < first:
            number = first
        if number > last:
            number = last
        names.append(f"{number:05d}.{suffix}")
    return names


@pytest.mark.parametrize("count", [1, 4, 14])
def test_the_first_stage_sees_the_published_windows(count: int):
    forward, backward, masks = _clip(count)
    stage = Recorder(2, 0.0)
    Cascade(stage)(forward, backward, masks, sizes=[SIZE])
    files = _named_files((forward, backward), masks)
    expected = [_list_of_files(frame, "flo", 0, count - 1) for frame in range(count)]
    expected += [_list_of_files(frame, "rflo", 1, count) for frame in range(1, count + 1)]
    assert len(stage.shown) == len(expected)
    for shown, names in zip(stage.shown, expected, strict=True):
        assert torch.equal(shown[0], torch.cat([files[name] for name in names]))


@pytest.mark.parametrize("count", [1, 4, 14])
def test_later_stages_see_both_directions_at_one_frame(count: int):
    forward, backward, masks = _clip(count)
    second, third = Recorder(4, -1.0), Recorder(4, -2.0)
    Cascade(Recorder(2, -0.5), second, third)(forward, backward, masks, sizes=[SIZE] * 3)
    for stage, filling in ((second, -0.5), (third, -1.0)):
        completed = [torch.where(masks > 0, filling, flow) for flow in (forward, backward)]
        files = _named_files((completed[0], completed[1]), masks)
        assert len(stage.shown) == count + 1
        for frame, shown in enumerate(stage.shown):
            names = _list_of_files(frame, "flo", 0, count - 1) + _list_of_files(frame, "rflo", 1, count)
            assert torch.equal(shown[0], torch.cat([files[name] for name in names]))


def test_the_first_stage_may_ask_for_backward_windows_in_reverse():
    forward, backward, masks = _clip(8)
    plain, ordered = Recorder(2, 0.0), TimeOrdered(2, 0.0)
    Cascade(plain)(forward, backward, masks, sizes=[SIZE])
    Cascade(ordered)(forward, backward, masks, sizes=[SIZE])
    for pair in range(8):
        assert torch.equal(ordered.shown[pair], plain.shown[pair])
        flipped = plain.shown[8 + pair].unflatten(1, (11, 3)).flip(1).flatten(1, 2)
        assert torch.equal(ordered.shown[8 + pair], flipped)


def test_centre_channels_are_the_published_ones():
    flows = torch.arange(22.0).reshape(1, 11, 2, 1, 1).expand(-1, -1, -1, *SIZE)
    masks = torch.zeros(1, 11, 1, *SIZE)
    x = refine_input(flows, masks, 100 + flows, masks)
    assert x.shape == (1, 66, *SIZE)
    assert x[0, 15:17, 0, 0].tolist() == [10, 11]
    assert x[0, 48:50, 0, 0].tolist() == [110, 111]
    assert torch.equal(stage1_input(flows, masks.bool()), x[:, :33])


def test_windows_are_clipped_at_both_ends():
    assert window(2, 20) == [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7]
    assert window(19, 20) == [14, 15, 16, 17, 18, 19, 19, 19, 19, 19, 19]
    assert window(0, 2) == [0] * 6 + [1] * 5
    assert window(-1, 1) == [0] * 11


def test_composite_takes_the_network_in_the_hole_only_and_limits_it():
    network = torch.tensor([[9.0, -9, 9], [9, -9, 9]])[:, None]  # (2, 1, 3)
    flow = torch.full((2, 1, 3), 50.0)
    mask = torch.tensor([[[1.0, 1, 0]]])
    assert composite(network, flow, mask).tolist() == [[[3, -3, 50]], [[1, -1, 50]]]
    assert limited(flow).tolist() == [[[3, 3, 3]], [[1, 1, 1]]]
