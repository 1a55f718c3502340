"""Compare masks with the truth, as DAVIS does: region J, contour F, and how J decays in the course of the video.

python score_masks.py found/ truth/
"""

from __future__ import annotations

import argparse
from pathlib import Path

from maskreel.common.masks import read_masks
from maskreel.common.metrics import contour_f, decay, iou

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("found", type=Path, help="a folder of PNG files, or a mask video")
    parser.add_argument("truth", type=Path, help="the same, as it should be")
    arguments = parser.parse_args()

    truth = read_masks(arguments.truth)  # bool (T, H, W)
    frames, height, width = truth.shape
    found = read_masks(arguments.found, size=(height, width), frame_count=frames)
    region, contour = iou(found, truth), contour_f(found, truth)  # one value for each frame
    print(f"J {region.mean():.3f}, F {contour.mean():.3f}, J&F {(region.mean() + contour.mean()) / 2:.3f}")
    print(f"decay of J {float(decay(region)):.3f}; worst frame {int(region.argmin())} with J {region.min():.3f}")
