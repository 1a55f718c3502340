"""What `tools/release.py` does a release with, one step a file."""

import sys
from pathlib import Path

# Where package_tree and version_ranges are; a folder of that name cannot be a package beside the library `packaging`.
sys.path.append(str(Path(__file__).parents[1] / "packaging"))
