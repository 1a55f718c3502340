"""Procedural scenes of textured planes before a moving camera, with exact flow by construction.

Every layer is a plane in space: a wall, a floor, boards at several depths, things that move by themselves. A pinhole
camera maps a plane to the picture by a homography, so that the flow of a pixel is known exactly: it is the homography
of the next frame after the inverse of this one's. One more thing, the subject, passes before all of it; the truth is
the flow of the scene without the subject.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from maskreel.inpaint.dfc_training._camera_path import CameraPath
from maskreel.inpaint.dfc_training._plane_flow import plane_flow
from maskreel.inpaint.dfc_training._textures import shape, texture

__all__ = ["PlanesClip", "PlanesScene"]

_WALL_DEPTH = 10.0
_OPAQUE = 0.5
_FOLLOWED = 0.3


@dataclass(frozen=True, repr=False)
class PlanesClip:
    """T frames (H, W) with exact truth."""

    frames: np.ndarray
    """uint8 (T, H, W, 3): the scene with the subject."""
    clean: np.ndarray
    """uint8 (T, H, W, 3): without it."""
    subject: np.ndarray
    """bool (T, H, W): pixels that the subject touches."""
    forward: np.ndarray
    """float32 (T - 1, H, W, 2): what the clean frame t shows at p is at p + flow(p) in t + 1."""
    backward: np.ndarray
    """float32 (T - 1, H, W, 2): what the clean frame t + 1 shows at p was at p + flow(p) in t."""


@dataclass(frozen=True)
class PlanesScene:
    """Scenes told apart by seeds; the same options and seed give the same arrays."""

    size: tuple[int, int] = (240, 432)
    """Height and width in pixels, 32 or more each."""
    frames: int = 13
    """Length of a clip, 2 or more."""

    def __post_init__(self) -> None:
        if min(self.size) < 32:
            raise ValueError(f"size must be (height, width) of 32 or more each, got {self.size}")
        if self.frames < 2:
            raise ValueError(f"frames must be 2 or more, got {self.frames}")

    def render(self, seed: int) -> PlanesClip:
        """The clip of a seed.

        Raises:
            ValueError: `seed` is negative.
        """
        if seed < 0:
            raise ValueError(f"seed must be 0 or more, got {seed}")
        rng = np.random.default_rng([seed, 77])
        camera = CameraPath.draw(rng, self.size, self.frames)
        layers = _background(rng, camera) + _boards(rng, camera)
        subject = _subject(rng, camera)
        return _rendered(layers, subject, camera, sensor=rng.uniform(0, 2.5), rng=rng)


@dataclass(frozen=True)
class _Layer:
    """A textured plane: point (a, b, 1) of the texture, in texels, lies at `placement[t] @ (a, b, 1)` in space."""

    texture: np.ndarray
    """float32 (h, w, 3), 0 to 255."""
    alpha: np.ndarray | None
    """float32 (h, w); None: it goes on for ever, mirrored."""
    placement: np.ndarray
    """float64 (T, 3, 3)."""

    def homography(self, camera: CameraPath, t: int) -> np.ndarray:
        """float64 (3, 3): from texels to pixels of frame t."""
        moved = self.placement[t].copy()
        moved[:, 2] -= camera.position[t]
        return camera.intrinsics(t) @ camera.rotation[t] @ moved


def _placed(origin: np.ndarray, right: np.ndarray, down: np.ndarray, size: tuple[int, int], texel: float) -> np.ndarray:
    """float64 (3, 3) placement of a texture (h, w) whose centre lies at `origin`."""
    height, width = size
    corner = origin - right * texel * (width - 1) / 2 - down * texel * (height - 1) / 2
    return np.stack([right * texel, down * texel, corner], -1)


def _background(rng: np.random.Generator, camera: CameraPath) -> list[_Layer]:
    height, width = camera.size
    texel = _WALL_DEPTH / camera.focal
    slant = rng.normal(0, 0.35) if rng.random() < 0.5 else 0.0
    right = np.array([np.cos(slant), 0, np.sin(slant)])
    wall = texture(rng, (height * 3 // 2, width * 3 // 2))
    placement = _placed(np.array([0, 0, _WALL_DEPTH]), right, np.array([0.0, 1, 0]), wall.shape[:2], texel)
    layers = [_Layer(wall, None, np.repeat(placement[None], camera.frames, 0))]
    if rng.random() < 0.5:
        layers.append(_floor(rng, camera))
    return layers


def _floor(rng: np.random.Generator, camera: CameraPath) -> _Layer:
    """A level plane below the camera, from near to the wall."""
    below = rng.uniform(1.0, 2.0)
    image = texture(rng, (300, 600))
    length = _WALL_DEPTH - 1.6
    placement = np.stack([np.array([20 / 600, 0, 0]), np.array([0, 0, length / 300]), np.array([-10, below, 1.6])], -1)
    return _Layer(image, np.ones((300, 600), np.float32), np.repeat(placement[None], camera.frames, 0))


def _boards(rng: np.random.Generator, camera: CameraPath) -> list[_Layer]:
    """Things at several depths, far ones first; some move by themselves."""
    depths = np.sort(rng.uniform(2.2, _WALL_DEPTH * 0.95, rng.integers(0, 7)))[::-1]
    return [_thing(rng, camera, float(depth), moving=rng.random() < 0.5) for depth in depths]


def _subject(rng: np.random.Generator, camera: CameraPath) -> _Layer:
    return _thing(rng, camera, rng.uniform(1.7, 3.0), moving=rng.random() < 0.85, share=(0.3, 0.8))


def _thing(
    rng: np.random.Generator,
    camera: CameraPath,
    depth: float,
    *,
    moving: bool,
    share: tuple[float, float] = (0.15, 0.9),
) -> _Layer:
    """A shape whose height is a `share` of the picture, somewhere in view at mid-clip."""
    height, width = camera.size
    tall = max(12, round(height * rng.uniform(*share)))
    alpha = shape(rng, tall)
    image = texture(rng, alpha.shape)
    texel = depth / camera.focal
    middle = camera.frames // 2
    offset = rng.uniform(-0.5, 0.5, 2) * (width, height) * texel
    origin = camera.position[middle] + np.array([*offset, depth])
    origin[2] = max(origin[2], camera.position[:, 2].max() + 1.0)
    times = np.arange(camera.frames) - middle
    velocity = np.array([1.0, 0.35, 0.3]) * rng.normal(0, 1, 3) * texel * width * np.exp(rng.uniform(-6.5, -3.2))
    sway = np.array([1.0, 0.5, 0]) * rng.normal(0, 1, 3) * texel * np.exp(rng.uniform(-1, 2))
    phase, rate = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 1.2)
    if moving and rng.random() < _FOLLOWED:
        # The camera goes with it: it stands still in the picture while everything else moves.
        velocity = velocity * 0.1 + (camera.position[-1] - camera.position[0]) / (camera.frames - 1)
    path = origin + moving * (times[:, None] * velocity + np.sin(times[:, None] * rate + phase) * sway)
    path[:, 2] = np.maximum(path[:, 2], camera.position[:, 2] + 0.8)
    turns = moving * (rng.normal(0, 0.01) * times + rng.normal(0, 0.05) * np.sin(times * rate))
    return _Layer(image, alpha, np.stack([_turned(p, a, alpha.shape, texel) for p, a in zip(path, turns, strict=True)]))


def _turned(origin: np.ndarray, angle: float, size: tuple[int, ...], texel: float) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return _placed(origin, np.array([cos, sin, 0]), np.array([-sin, cos, 0]), (size[0], size[1]), texel)


def _rendered(
    layers: list[_Layer], subject: _Layer, camera: CameraPath, *, sensor: float, rng: np.random.Generator
) -> PlanesClip:
    frames, clean, masks, shown = [], [], [], []
    for t in range(camera.frames):
        picture, label = _painted(layers, camera, t)
        colour, alpha = _warped(subject, subject.homography(camera, t), camera.size)
        grain = rng.normal(0, sensor, picture.shape).astype(np.float32)
        clean.append(_bytes(picture + grain))
        frames.append(_bytes(picture + alpha[..., None] * (colour - picture) + grain))
        masks.append(alpha > 0)
        shown.append(label)
    forward = [_flow(layers, camera, shown[t], t, t + 1) for t in range(camera.frames - 1)]
    backward = [_flow(layers, camera, shown[t + 1], t + 1, t) for t in range(camera.frames - 1)]
    return PlanesClip(*(np.stack(part) for part in (frames, clean, masks, forward, backward)))


def _painted(layers: list[_Layer], camera: CameraPath, t: int) -> tuple[np.ndarray, np.ndarray]:
    """float32 (H, W, 3) picture and int64 (H, W) number of the layer that is seen."""
    picture = np.zeros((*camera.size, 3), np.float32)
    label = np.zeros(camera.size, np.int64)
    for number, layer in enumerate(layers):
        colour, alpha = _warped(layer, layer.homography(camera, t), camera.size)
        picture += alpha[..., None] * (colour - picture)
        label[alpha > _OPAQUE] = number
    return picture, label


def _warped(layer: _Layer, homography: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Colours float32 (H, W, 3) and opacity float32 (H, W) of a layer in a frame."""
    shape = size[1], size[0]
    colour = cv2.warpPerspective(
        layer.texture, homography, shape, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    if layer.alpha is None:
        return colour, np.ones(size, np.float32)
    alpha = cv2.warpPerspective(layer.alpha, homography, shape, flags=cv2.INTER_LINEAR)
    back = np.linalg.inv(homography)[2] * np.sign(np.linalg.det(homography))
    if min(back[0] * x + back[1] * y + back[2] for x in (0, size[1]) for y in (0, size[0])) <= 0:
        # Beyond the horizon of a plane lies the mirrored picture of what is behind the camera.
        rows, columns = np.ogrid[: size[0], : size[1]]
        alpha *= back[0] * columns + back[1] * rows + back[2] > 0
    return colour, alpha


def _flow(layers: list[_Layer], camera: CameraPath, label: np.ndarray, start: int, end: int) -> np.ndarray:
    """float32 (H, W, 2): where the pixels of frame `start` go by `end`, each with its layer."""
    flow = np.zeros((*camera.size, 2), np.float32)
    for number, layer in enumerate(layers):
        here = label == number
        if here.any():
            path = layer.homography(camera, end) @ np.linalg.inv(layer.homography(camera, start))
            flow[here] = plane_flow(path, camera.size)[here]
    return flow


def _bytes(picture: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)
