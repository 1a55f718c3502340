"""The 48 kinds of object of the table scene: shape, material and colour, numbered as in the vfp data set."""

from __future__ import annotations

from dataclasses import dataclass

SHAPES = ("cube", "sphere", "cylinder")
MATERIALS = ("metal", "rubber")
COLOURS = {
    "gray": (87, 87, 87),
    "red": (173, 35, 35),
    "blue": (42, 75, 215),
    "green": (29, 105, 20),
    "brown": (129, 74, 25),
    "cyan": (41, 208, 208),
    "purple": (129, 38, 192),
    "yellow": (255, 238, 51),
}
"""Names and RGB values of CLEVR (Johnson et al. 2017), which CLEVRER uses, too."""


@dataclass(frozen=True)
class ObjectClass:
    """One kind of object; `str()` gives its name, such as "red rubber cube"."""

    shape: str
    material: str
    colour: str

    @classmethod
    def of(cls, number: int) -> ObjectClass:
        """The kind with class id `number`, 1 to 48; 0 is the background and has none."""
        if not 1 <= number <= 48:
            raise ValueError(f"number must be a class id from 1 to 48, got {number}")
        shape, rest = divmod(number - 1, 16)
        material, colour = divmod(rest, 8)
        return cls(SHAPES[shape], MATERIALS[material], tuple(COLOURS)[colour])

    @property
    def number(self) -> int:
        """Class id, shape * 16 + material * 8 + colour + 1."""
        shape, material = SHAPES.index(self.shape), MATERIALS.index(self.material)
        return shape * 16 + material * 8 + tuple(COLOURS).index(self.colour) + 1

    @property
    def rgb(self) -> tuple[int, int, int]:
        return COLOURS[self.colour]

    def __str__(self) -> str:
        return f"{self.colour} {self.material} {self.shape}"


OBJECT_CLASSES = tuple(ObjectClass.of(number) for number in range(1, 49))
"""All kinds in the order of their class ids; the id of entry i is i + 1."""
