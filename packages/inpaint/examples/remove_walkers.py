"""Take everything out of a video that moves before a standing or gently moving camera.

python remove_walkers.py street.mp4 empty_street.mp4
"""

from __future__ import annotations

import argparse
from pathlib import Path

from maskreel.inpaint import InpaintConfig, VideoInpainter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()

    inpainter = VideoInpainter(InpaintConfig(reveal="nearest"))  # daylight changes slowly: copy from near in time
    result = inpainter.inpaint(arguments.video, output=arguments.output)

    summary = result.summary
    print(f"{result.output}: {summary.covered:.1%} of all pixels replaced, {summary.never_seen:.1%} of those painted")
    print(f"{result.report} shows where; frames most worth a look: {summary.worth_checking}")


if __name__ == "__main__":
    main()
