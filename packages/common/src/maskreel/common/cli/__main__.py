"""`python -m maskreel.common.cli` is `maskreel`."""

import sys

from maskreel.common.cli import main

sys.exit(main())
