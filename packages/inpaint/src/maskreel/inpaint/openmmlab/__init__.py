"""The one place that knows OpenMMLab: FlowNet2 of mmflow as a `FlowEstimator`, DeepLabv3 and FCN of mmsegmentation as a
`Segmenter`.

Needs the extra maskreel-inpaint[openmmlab] and, after it, `python -m pip install --no-deps mmcv-lite==2.0.1`; importing
this package needs neither.
"""

from maskreel.inpaint.openmmlab._bridge import prepare
from maskreel.inpaint.openmmlab._config_file import identify_config
from maskreel.inpaint.openmmlab._correlation import Correlation
from maskreel.inpaint.openmmlab._flownet2 import FlowNet2
from maskreel.inpaint.openmmlab._segmenter import OpenMMLabSegmenter

__all__ = ["Correlation", "FlowNet2", "OpenMMLabSegmenter", "identify_config", "prepare"]
