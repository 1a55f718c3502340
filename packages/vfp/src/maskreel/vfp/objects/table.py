"""`Table`: camera, solids and ways of moving, as fitted to training masks; saved as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from maskreel.common.atomic import write_json
from maskreel.common.errors import InputError
from maskreel.common.json_file import parse_json
from maskreel.vfp.objects.camera import TableCamera
from maskreel.vfp.objects.solids import Solid, shape_of

if TYPE_CHECKING:
    import os

__all__ = ["Motion", "Table"]


@dataclass(frozen=True)
class Motion:
    """How things move on a table. Lengths in radii of the spheres, times in frames."""

    friction: tuple[float, float, float]
    """Deceleration of cubes, spheres and cylinders."""
    restitution: float
    """Speed after a head-on collision over the speed before."""
    grip: float
    """Coulomb's friction coefficient between things that collide."""
    log_speed: tuple[float, float]
    """Mean and standard deviation of the natural logarithm of the speeds of what moves: it tells data sets apart."""


@dataclass(frozen=True)
class Table:
    """What is the same in all clips."""

    camera: TableCamera
    solids: tuple[Solid, Solid, Solid]
    """Cube, sphere and cylinder."""
    noise: float
    """Standard deviation, in radii of a sphere, of the place of something that is seen whole."""
    motions: tuple[Motion, ...]
    """One for each data set that was fitted, for example of slow and of fast clips; a priori all the same."""

    def solid(self, label: int) -> Solid:
        """The solid of a class id from 1 to 48."""
        return self.solids[shape_of(label)]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write as JSON."""
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: str | os.PathLike[str] | None = None) -> Self:
        """Read what `save` wrote; None: the table that comes with the package.

        Raises:
            InputError: The file is missing or holds something else.
        """
        path = Path(__file__).parents[1] / "weights" / "table.json" if path is None else Path(path)
        try:
            data = parse_json(path.read_bytes(), source=path)
            camera = TableCamera(**{**data["camera"], "size": tuple(data["camera"]["size"])})
            first, second, third = (Solid(**values) for values in data["solids"])
            motions = tuple(Motion(**{**values, **_tuples(values)}) for values in data["motions"])
            noise = float(data["noise"])
        except FileNotFoundError:
            raise InputError(f"{path} is not a file, expected a table of maskreel vfp fit-table") from None
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} does not hold a table of maskreel vfp fit-table: {error!r}") from error
        if not motions:
            raise InputError(f"{path} holds a table without motions, expected one or more")
        return cls(camera, (first, second, third), noise, motions)


def _tuples(values: dict[str, Any]) -> dict[str, tuple[float, ...]]:
    """The lists of a JSON object."""
    return {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
