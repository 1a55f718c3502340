"""`Outline`: the contour of one object as registration sees it."""

from __future__ import annotations

from math import sqrt

import cv2
import numpy as np

from maskreel.inversion.video._sample import sample

__all__ = ["Outline", "outlines"]

_MARGIN = 0.3  # of the larger side: how far around the object distances are exact
_LEAST_TRUSTED = 0.25  # below this share of contour points, those that touch other objects are used all the same


class Outline:
    """Contour points of an object and the signed distance to its contour; positions are (K, 2) as x, y in pixels.

    Where the picture's edge or another object cuts the object off, its contour says nothing about its motion, so
    those contour points are left out.

    Args:
        labels: int (H, W), what each pixel belongs to.
        label: The object.
    """

    def __init__(self, labels: np.ndarray, label: int) -> None:
        self.size: tuple[int, int] = labels.shape  # pyright: ignore[reportAttributeAccessIssue]
        plane = (labels == label).view(np.uint8)
        x, y, width, height = cv2.boundingRect(plane)
        self.box = (x, y, x + width, y + height)
        margin = 8 + int(_MARGIN * max(width, height))
        self._origin = (max(x - margin, 0), max(y - margin, 0))
        window = np.s_[self._origin[1] : y + height + margin, self._origin[0] : x + width + margin]
        crop = plane[window]
        self.area = cv2.countNonZero(crop)
        self.centre = _centre(crop) + self._origin
        self.radius = sqrt(self.area / np.pi)
        self._field = _distance_field(crop)
        self.points = _trusted_points(labels[window], crop, self._origin, self.size)

    def thinned(self, count: int) -> np.ndarray:
        """At most `count` of the contour points, evenly along the contour."""
        return self.points[:: max(1, -(-len(self.points) // count))]

    def look(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Signed distances (K,) in pixels, negative inside and far away a lower bound, and their slopes (K, 2)."""
        local = (points - self._origin).astype(np.float32)
        height, width = self._field.shape[:2]
        limit = np.array((width - 1, height - 1), np.float32)
        beyond = np.maximum(np.maximum(-local, local - limit), 0).max(axis=1)
        values = sample(self._field, local)
        return values[:, 0] + beyond, values[:, 1:]

    def same_as(self, other: Outline) -> bool:
        """Whether the object did not move at all."""
        return self.box == other.box and self.area == other.area and np.array_equal(self._field, other._field)

    def inside_picture(self, points: np.ndarray) -> np.ndarray:
        """bool (K,): whether positions lie in the frame."""
        x, y = points[:, 0], points[:, 1]
        return (x >= 0) & (x <= self.size[1] - 1) & (y >= 0) & (y <= self.size[0] - 1)


def outlines(labels: np.ndarray, count: int) -> list[Outline | None]:
    """Of the objects 1 to `count`; None for one that is not in the frame."""
    sizes = np.bincount(np.maximum(labels, 0).ravel(), minlength=count + 1)
    return [Outline(labels, number) if sizes[number] else None for number in range(1, count + 1)]


def _centre(crop: np.ndarray) -> np.ndarray:
    moments = cv2.moments(crop, binaryImage=True)
    return np.array((moments["m10"], moments["m01"])) / moments["m00"]


def _distance_field(crop: np.ndarray) -> np.ndarray:
    """float32 (h, w, 3): signed distance and its derivatives to the right and down.

    Negative inside, 0 half way between the outermost pixel and its neighbour; the window's edge is no contour.
    """
    if crop.all():
        return np.dstack((np.full(crop.shape, -max(crop.shape), np.float32), np.zeros((*crop.shape, 2), np.float32)))
    outside = cv2.distanceTransform(1 - crop, cv2.DIST_L2, cv2.DIST_MASK_5)
    inside = cv2.distanceTransform(crop, cv2.DIST_L2, cv2.DIST_MASK_5)
    field = outside - inside + (0.5 - (crop == 0))
    field = cv2.GaussianBlur(field.astype(np.float32), (0, 0), 0.8)  # takes the staircase of pixels out of the slope
    slopes = [cv2.Sobel(field, cv2.CV_32F, *way, ksize=1, scale=0.5) for way in ((1, 0), (0, 1))]
    return cv2.merge([field, *slopes])


def _trusted_points(labels: np.ndarray, crop: np.ndarray, origin: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """Contour pixels, float32 (K, 2) in pixels of the frame, without those at its edge or next to another object."""
    contours, _ = cv2.findContours(crop, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    local = np.concatenate([np.asarray(contour, np.int32)[:, 0] for contour in contours])
    points = local + np.array(origin, np.int32)
    free = (points > 0).all(axis=1) & (points[:, 0] < size[1] - 1) & (points[:, 1] < size[0] - 1)
    foreign = ((labels != 0) & (crop == 0)).astype(np.uint8)
    apart = free
    if foreign.any():
        apart = free & (
            np.asarray(cv2.dilate(foreign, np.ones((3, 3), np.uint8)), np.uint8)[local[:, 1], local[:, 0]] == 0
        )
    # what reaches from edge to edge around other objects is scenery, and they are what moves
    scenery = any(np.ptp(points[:, axis]) + 1 == size[1 - axis] for axis in (0, 1))
    keep = apart if scenery or apart.sum() >= _LEAST_TRUSTED * len(points) else free
    return points[keep].astype(np.float32)
