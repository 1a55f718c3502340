"""Where two footprints touch: discs and turned squares on the floor."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Contact", "Footprint", "Point", "touch"]

Point = tuple[float, float]


@dataclass(frozen=True)
class Footprint:
    """A disc or a square on the floor."""

    x: float
    y: float
    size: float
    """Radius, or half the side."""
    heading: Point | None = None
    """Direction of one side of a square, of length 1; None for a disc."""

    def to_local(self, x: float, y: float) -> Point:
        cosine, sine = self.heading or (1.0, 0.0)
        dx, dy = x - self.x, y - self.y
        return cosine * dx + sine * dy, cosine * dy - sine * dx

    def to_floor(self, u: float, v: float) -> Point:
        cosine, sine = self.heading or (1.0, 0.0)
        return self.x + cosine * u - sine * v, self.y + sine * u + cosine * v

    def corners(self) -> list[Point]:
        return [self.to_floor(u, v) for u in (-self.size, self.size) for v in (-self.size, self.size)]


@dataclass(frozen=True)
class Contact:
    """Two footprints overlap."""

    normal: Point
    """Unit vector from the first to the second, along which they overlap least."""
    depth: float
    """How far they overlap along it."""
    point: Point
    """In the middle of the overlap."""


def touch(a: Footprint, b: Footprint) -> Contact | None:
    """The contact of two footprints; None where they are apart."""
    if a.heading is None and b.heading is None:
        return _discs(a, b)
    if a.heading is not None and b.heading is not None:
        return _squares(a, b)
    if a.heading is None:
        return _turned_round(_square_and_disc(b, a))
    return _square_and_disc(a, b)


def _discs(a: Footprint, b: Footprint) -> Contact | None:
    dx, dy = b.x - a.x, b.y - a.y
    distance = (dx * dx + dy * dy) ** 0.5
    depth = a.size + b.size - distance
    if depth <= 0:
        return None
    normal = (dx / distance, dy / distance) if distance else (1.0, 0.0)
    reach = a.size - depth / 2
    return Contact(normal, depth, (a.x + normal[0] * reach, a.y + normal[1] * reach))


def _square_and_disc(square: Footprint, disc: Footprint) -> Contact | None:
    u, v = square.to_local(disc.x, disc.y)
    near = (min(max(u, -square.size), square.size), min(max(v, -square.size), square.size))
    du, dv = u - near[0], v - near[1]
    distance = (du * du + dv * dv) ** 0.5
    if distance >= disc.size:
        return None
    if distance:
        local, depth = (du / distance, dv / distance), disc.size - distance
    elif abs(u) > abs(v):  # the disc's middle is inside the square
        local, depth = (1.0 if u > 0 else -1.0, 0.0), disc.size + square.size - abs(u)
    else:
        local, depth = (0.0, 1.0 if v > 0 else -1.0), disc.size + square.size - abs(v)
    tip = square.to_floor(*local)
    return Contact((tip[0] - square.x, tip[1] - square.y), depth, square.to_floor(*near))


def _squares(a: Footprint, b: Footprint) -> Contact | None:
    """By the separating axes: the normals of both squares."""
    least: tuple[float, Point] | None = None
    for axis in (*_axes(a), *_axes(b)):
        distance = (b.x - a.x) * axis[0] + (b.y - a.y) * axis[1]
        depth = _extent(a, axis) + _extent(b, axis) - abs(distance)
        if depth <= 0:
            return None
        if least is None or depth < least[0] - 1e-9:
            least = depth, (axis if distance > 0 else (-axis[0], -axis[1]))
    assert least is not None
    depth, normal = least
    return Contact(normal, depth, _middle(a, b))


def _axes(square: Footprint) -> tuple[Point, Point]:
    cosine, sine = square.heading or (1.0, 0.0)
    return (cosine, sine), (-sine, cosine)


def _extent(square: Footprint, axis: Point) -> float:
    return square.size * sum(abs(own[0] * axis[0] + own[1] * axis[1]) for own in _axes(square))


def _middle(a: Footprint, b: Footprint) -> Point:
    """Mean of the corners of one that lie in the other; between the middles where edges cross without a corner."""
    inside = [point for one, other in ((a, b), (b, a)) for point in one.corners() if _contains(other, point)]
    if not inside:
        return (a.x + b.x) / 2, (a.y + b.y) / 2
    return sum(point[0] for point in inside) / len(inside), sum(point[1] for point in inside) / len(inside)


def _contains(square: Footprint, point: Point) -> bool:
    u, v = square.to_local(*point)
    return max(abs(u), abs(v)) <= square.size + 1e-9


def _turned_round(contact: Contact | None) -> Contact | None:
    if contact is None:
        return None
    return Contact((-contact.normal[0], -contact.normal[1]), contact.depth, contact.point)
