from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from maskreel.inpaint.deepfill import DeepFill, from_published
from maskreel.inpaint.deepfill.attention import contextual_attention

# The published checkpoint as the published code lists it: channels of the layers of each part, first the input's.
# h: the layer halves, and its convolution is the second module of its block. u: a place taken by enlargement.
PARTS = {
    "stage_1.down": "5 32 h64 64 h128 128 128",
    "stage_1.atrous": "128 128 128 128 128",
    "stage_1.up": "128 128 128 u 64 64 u 32 16 3",
    "stage_2.down_conv_branch": "5 32 h32 64 h64 128 128",
    "stage_2.down_attn_branch": "5 32 h32 64 h128 128 128",
    "stage_2.atrous": "128 128 128 128 128",
    "stage_2.CAttn": "128 128 128",
    "stage_2.up": "256 128 128 u 64 64 u 32 16 3",
}


def published_state() -> dict[str, torch.Tensor]:
    """Random weights under the published names, in the published shapes."""
    generator, state = torch.Generator().manual_seed(0), {}
    for part, text in PARTS.items():
        first, *layers = text.split()
        inputs = int(first)
        for number, layer in enumerate(layers):
            if layer == "u":
                continue
            outputs, kernel = int(layer.strip("h")), 5 if inputs == 5 else 3
            name = f"{part}.out.{number}.conv.{int(layer.startswith('h'))}"
            weight = torch.randn(outputs, inputs, kernel, kernel, generator=generator)
            state[f"{name}.weight"] = weight * (1 / (inputs * kernel**2)) ** 0.5
            state[f"{name}.bias"] = torch.randn(outputs, generator=generator) * 0.1
            inputs = outputs
    return state


def run(state: dict[str, torch.Tensor], part: str, x: torch.Tensor, end: str = "elu") -> torch.Tensor:
    """One part, layer by layer, straight from the published names."""
    layers = PARTS[part].split()[1:]
    for number, layer in enumerate(layers):
        if layer == "u":
            x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
            continue
        name = f"{part}.out.{number}.conv.{int(layer.startswith('h'))}"
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        if layer.startswith("h"):
            x = functional.conv2d(functional.pad(x, (0, 1, 0, 1)), weight, bias, stride=2)
        else:
            dilation = 2 ** (number + 1) if "atrous" in part else 1
            x = functional.conv2d(x, weight, bias, padding=dilation * (weight.shape[-1] // 2), dilation=dilation)
        last = number == len(layers) - 1
        activation = end if last else "elu"
        x = {"elu": functional.elu, "relu": functional.relu, "clamp": lambda v: v.clamp(-1, 1)}[activation](x)
    return x


def published_forward(state: dict[str, torch.Tensor], picture: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
    known, ones = picture * (1 - hole), torch.ones_like(hole)
    x = run(state, "stage_1.down", torch.cat([known, ones, hole], 1))
    coarse = run(state, "stage_1.up", run(state, "stage_1.atrous", x), end="clamp")
    x = torch.cat([coarse * hole + known, ones, hole], 1)
    imagined = run(state, "stage_2.atrous", run(state, "stage_2.down_conv_branch", x))
    looked = run(state, "stage_2.down_attn_branch", x, end="relu")
    found = run(state, "stage_2.CAttn", contextual_attention(looked, hole[..., ::8, ::8]))
    return run(state, "stage_2.up", torch.cat([imagined, found], 1), end="clamp")


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return published_state()


def case(height: int = 32, width: int = 48) -> tuple[torch.Tensor, torch.Tensor]:
    picture = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(2)) * 2 - 1
    hole = torch.zeros(1, 1, height, width)
    hole[..., 8:21, 10:30] = 1
    return picture, hole


@pytest.fixture(scope="module")
def small() -> DeepFill:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return DeepFill(width=8).eval()


@torch.inference_mode()
def test_published_weights_give_what_the_published_layers_give(state):
    network = DeepFill().eval()
    network.load_state_dict(from_published(state))
    picture, hole = case()
    answer = network(picture, hole)
    torch.testing.assert_close(answer, published_forward(state, picture, hole), atol=1e-4, rtol=0)
    assert answer.std() > 0.05
    assert answer.abs().max() <= 1


def test_the_key_map_takes_every_published_key(state):
    names = {key: tuple(value.shape) for key, value in from_published(state).items()}
    with torch.device("meta"):
        network = DeepFill()
    assert names == {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert len(names) == 84
    assert sum(value.numel() for value in state.values()) == 3_601_542  # of the published network, counted by torch
    assert from_published({f"module.{key}": value for key, value in state.items()}).keys() == names.keys()


def test_keys_of_another_network_are_refused(state):
    with pytest.raises(ValueError, match="changes none of the 1 keys"):
        from_published({"conv1.weight": torch.zeros(1)})
    with pytest.raises(ValueError, match=r"do not start with 'module\.'"):
        from_published({**state, "module.x": torch.zeros(1)})


@torch.inference_mode()
def test_what_stands_in_the_hole_does_not_matter(small):
    picture, hole = case()
    torch.testing.assert_close(small(picture, hole), small(picture + 0.7 * hole, hole), atol=1e-6, rtol=0)


@torch.inference_mode()
def test_pictures_of_a_batch_do_not_mix(small):
    picture, hole = case()
    pictures, holes = torch.cat([picture, picture.flip(3)]), torch.cat([hole, hole.flip(2)])
    together = small(pictures, holes)
    torch.testing.assert_close(together[1:], small(pictures[1:], holes[1:]), atol=1e-5, rtol=0)
    torch.testing.assert_close(together[:1], small(picture, hole), atol=1e-5, rtol=0)


@torch.inference_mode()
def test_the_refinement_sees_the_coarse_result_in_the_hole_alone(small):
    picture, hole = case()
    seen: list[torch.Tensor] = []
    handle = small.refinement.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    small(picture, hole)
    handle.remove()
    [x] = seen
    coarse = small.coarse(torch.cat([picture * (1 - hole), torch.ones_like(hole), hole], 1))
    torch.testing.assert_close(x[:, :3], torch.where(hole > 0, coarse, picture))
    assert (x[:, 3] == 1).all()
    assert torch.equal(x[:, 4:], hole)


def test_refuses_sides_that_are_no_multiple_of_8(small):
    with pytest.raises(ValueError, match=r"multiples of 8, got \(1, 3, 32, 44\)"):
        small(*case(32, 44))
