"""What needs an extra says so: `python -I missing_extras.py PACKAGE`, where the package is installed without extras.

Each snippet is the first step of a user who has not read about extras; it must end with a MissingExtraError that names
one. An extra whose library is there all the same, because a dependency brings it, is told and left out.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from importlib import metadata

__all__ = ["SNIPPETS", "extra_faults"]

SNIPPETS: dict[str, dict[str, str]] = {
    "common": {
        "coco": "from types import SimpleNamespace; from maskreel.common.maskrcnn import evaluate_detector; "
        "evaluate_detector(SimpleNamespace(class_names=('car',)), [])",
        "slurm": "from maskreel.common.jobs import LocalProcesses as L, run_jobs; "
        "run_jobs(len, ['a'], executor=L(1), folder='jobs')",
        "torchvision": "from maskreel.common.maskrcnn import torchvision_maskrcnn; torchvision_maskrcnn()",
        "train": "from maskreel.common.training import TrainingConfig, train; train(None, [], TrainingConfig(), 'run')",
        "web": "from maskreel.common.web.cli import web; web(open_browser=False)",
    },
    "inversion": {
        "slurm": "from maskreel.common.jobs import Slurm, run_jobs; "
        "run_jobs(len, ['a'], executor=Slurm('here'), folder='jobs')",
        "tensorboard": "import torch; from maskreel.common.masks import write_binary_png; "
        "from maskreel.inversion.cli import main; "
        "write_binary_png('masks/0.png', torch.ones(32, 32, dtype=torch.bool)); "
        "main(['run', 'masks', '-o', 'out.mp4', '--tensorboard'], prog='maskreel inversion')",
    },
    "vfp": {
        "onnx": "from maskreel.vfp.networks.onnx import export_onnx; export_onnx(None, 'network.onnx', None)",
        "segment": "from maskreel.vfp.segmentation import SegmenterConfig, build_segmenter_network as build; "
        "build(SegmenterConfig(network='resnet50'))",
        "train": "from maskreel.vfp.commands.train_masks import train_masks; train_masks((), 'run')",
    },
    "animate": {
        "onnx": "from maskreel.animate.onnx_export import export_onnx; export_onnx(None, 'networks')",
        "train": "from pathlib import Path; from maskreel.animate.commands.train import Tiny; "
        "Tiny(output=Path('run')).run()",
        "web": "from maskreel.common.web.cli import web; web(open_browser=False)",
    },
    "inpaint": {
        "openmmlab": "from maskreel.inpaint.openmmlab import prepare; prepare()",
        "slurm": "from maskreel.common.jobs import Slurm, run_jobs; "
        "run_jobs(len, ['a'], executor=Slurm('here'), folder='jobs')",
        "torchvision": "from maskreel.inpaint.flow.raft import RAFTFlow; RAFTFlow()",
        "train": "from maskreel.inpaint.commands.train_fill import train_fill; train_fill('run')",
        "web": "from maskreel.common.web.cli import web; web(open_browser=False)",
    },
}
"""For each extra of each package, what fails without it."""


def extra_faults(package: str, snippets: dict[str, str]) -> list[str]:
    """Say which extras have no snippet, and which snippets do not end as they should."""
    found = metadata.metadata(f"maskreel-{package}")
    extras = sorted(found.get_all("Provides-Extra") or [])
    faults = [f"{package}[{extra}] is not tried out in missing_extras.py" for extra in extras if extra not in snippets]
    faults += [f"{package}[{extra}] is tried out, but not there" for extra in snippets if extra not in extras]
    for extra in (extra for extra in extras if extra in snippets):
        outcome = _outcome(snippets[extra])
        if outcome is None:
            faults.append(f"{package}[{extra}] is not installed, but nothing was missed by: {snippets[extra]}")
        elif not re.search(rf"MissingExtraError: .* 'maskreel-({package}|common)\[[\w,]+\]'", outcome):
            faults.append(f"{package}[{extra}] is missing, expected a MissingExtraError that names it, got {outcome}")
        else:
            print(f"{package}[{extra}]: {outcome}")
    return faults


def _outcome(snippet: str) -> str | None:
    """What a piece of code raises, as a traceback ends; None if it comes to its end."""
    try:
        exec(snippet, {"__name__": "__main__"})
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", choices=sorted(SNIPPETS))
    package = parser.parse_args().package
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        faults = extra_faults(package, SNIPPETS[package])
    if faults:
        sys.exit("\n".join(faults))
    print(f"maskreel-{package}: what needs an extra says which.")


if __name__ == "__main__":
    main()
