"""One rendered person moves as another one does.

python animate_actors.py dance.gif
python animate_actors.py dance.mp4 --background navy
"""

from __future__ import annotations

import argparse
from pathlib import Path

from maskreel.animate import AnimateConfig, ImageAnimator
from maskreel.common.show import save_animation
from maskreel.common.video import Clip, write
from maskreel.common.world import ActorsScene


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--background", help="a colour, source, driving or blur")
    parser.add_argument("--weights", help="other networks than those of the package")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--frames", type=int, default=48)
    arguments = parser.parse_args()

    scene = ActorsScene(size=(arguments.size, arguments.size), frames=arguments.frames)
    source = scene.compose(11, 12, 13).clip  # who, doing what, where
    driving = scene.compose(21, 22, 23).clip

    animator = ImageAnimator(AnimateConfig(weights=arguments.weights))
    made: Clip = animator.animate(source, driving, arguments.background)
    (save_animation if arguments.output.suffix == ".gif" else write)(arguments.output, made)
    print(f"{arguments.output}: {len(made)} frames")


if __name__ == "__main__":
    main()
