"""What is known of the licences of others, and of our own weights; `licences.py` checks and prints it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEPENDENCIES", "OWN", "PUBLISHED", "Dependency", "OwnWeights", "PublishedWeights"]


@dataclass(frozen=True)
class Dependency:
    """A package that one of ours declares."""

    name: str
    metadata: str
    """What its installed metadata say, to notice a change."""
    licence: str
    commercial: str = "yes"


@dataclass(frozen=True)
class PublishedWeights:
    """Weights of others that our code can load."""

    name: str
    use: str
    """Option or function that takes them."""
    how: str
    """Fetched by us, or by hand."""
    licence: str
    commercial: str
    code: tuple[str, ...]
    """PART/FILE of our code that names or reads them."""


@dataclass(frozen=True)
class OwnWeights:
    """Weights that we have trained and ship."""

    file: str
    """Relative to src/maskreel."""
    what: str


_LGPL = "yes; the FFmpeg in its wheel is LGPL, so whoever passes it on must let it be replaced"
_CUDA = (
    "yes; on Linux it brings NVIDIA's CUDA libraries, under NVIDIA's own terms, which allow commercial use and "
    "restrict passing on"
)

DEPENDENCIES = (
    Dependency("av", "BSD-3-Clause", "BSD-3-Clause; the FFmpeg in its wheel is LGPL-3.0-or-later", _LGPL),
    Dependency("ftfy", "Apache-2.0", "Apache-2.0"),
    Dependency("mmengine-lite", "Apache Software License", "Apache-2.0"),
    Dependency("mmflow", "Apache Software License", "Apache-2.0"),
    Dependency("mmsegmentation", "Apache Software License", "Apache-2.0"),
    Dependency(
        "numpy", "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0", "BSD-3-Clause, with parts 0BSD, MIT, Zlib, CC0"
    ),
    Dependency("onnx", "Apache-2.0", "Apache-2.0"),
    Dependency("onnxscript", "MIT License", "MIT"),
    Dependency(
        "opencv-python-headless", "Apache Software License", "Apache-2.0; the FFmpeg in its wheel is LGPL-2.1", _LGPL
    ),
    Dependency("pillow", "MIT-CMU", "MIT-CMU"),
    Dependency("pycocotools", "FreeBSD", "BSD-2-Clause (FreeBSD)"),
    Dependency("regex", "Apache-2.0 AND CNRI-Python", "Apache-2.0, with parts CNRI-Python"),
    Dependency("safetensors", "Apache Software License", "Apache-2.0"),
    Dependency(
        "scipy",
        "BSD License",
        "BSD-3-Clause; its wheel holds OpenBLAS (BSD) and the GCC runtime (GPL, with an exception)",
    ),
    Dependency("starlette", "BSD-3-Clause", "BSD-3-Clause"),
    Dependency("submitit", "MIT License", "MIT"),
    Dependency("tensorboard", "Apache Software License", "Apache-2.0"),
    Dependency(
        "torch",
        "Apache-2.0 AND Apache-2.0 WITH LLVM-exception AND BSD-2-Clause AND BSD-3-Clause AND BSL-1.0 AND ISC AND MIT "
        "AND Zlib",
        "BSD-3-Clause, with parts Apache-2.0, BSL-1.0, ISC, MIT, Zlib",
        _CUDA,
    ),
    Dependency("torchvision", "BSD", "BSD-3-Clause"),
    Dependency("tqdm", "MPL-2.0 AND MIT", "MPL-2.0 and MIT", "yes; changed files of its own must stay open"),
    Dependency("tyro", "MIT License", "MIT"),
    Dependency("uvicorn", "BSD-3-Clause", "BSD-3-Clause"),
)

OWN = (
    OwnWeights("animate/tiny.safetensors", "the small model of `maskreel animate`"),
    OwnWeights("common/maskrcnn/shapes.safetensors", "Mask R-CNN `shapes`"),
    OwnWeights("inpaint/dfc/small.safetensors", "the small network that completes flow"),
    OwnWeights("inpaint/generator/small.safetensors", "the small network that paints"),
    OwnWeights("vfp/weights/interaction.safetensors", "how objects move on and meet"),
    OwnWeights("vfp/weights/masks.safetensors", "SimVP on masks"),
    OwnWeights("vfp/weights/predictor.safetensors", "the frame predictor"),
    OwnWeights("vfp/weights/segmenter.safetensors", "Mask R-CNN for predicted frames"),
    OwnWeights("vfp/weights/table.json", "camera and friction, fitted"),
)

_BY_TORCHVISION = "BSD-3-Clause, as torchvision"
_DATA = "not plain: torchvision allows it, but says that the terms of the training data ({}) may apply"
_COCO, _IMAGENET = _DATA.format("COCO"), _DATA.format("ImageNet, which is for research")
_FETCHED, _BY_HAND = "fetched on first use, checked by hash", "by hand"
_NOT_STATED = "not stated for the file"

PUBLISHED = (
    PublishedWeights(
        "Mask R-CNN R-50-FPN v1 and v2, COCO",
        "`--teacher torchvision-v1`, `torchvision-v2`; `torchvision_maskrcnn`",
        _FETCHED,
        _BY_TORCHVISION,
        _COCO,
        ("common/_published.py",),
    ),
    PublishedWeights(
        "DeepLabv3 and FCN R-50, COCO with VOC labels",
        "`--segmenter torchvision-deeplabv3`, `torchvision-fcn`; `--teacher deeplabv3`, `fcn`",
        _FETCHED,
        _BY_TORCHVISION,
        _COCO,
        ("inpaint/torchvision.py", "inversion/_torchvision_semantic.py"),
    ),
    PublishedWeights(
        "RAFT small and large",
        "`--flow raft` (large); in Python, `RAFTFlow` of `maskreel.inpaint.flow.raft` (both)",
        _FETCHED,
        _BY_TORCHVISION,
        _DATA.format("FlyingChairs, FlyingThings3D, Sintel, KITTI (non-commercial), HD1K"),
        ("inpaint/raft.py",),
    ),
    PublishedWeights(
        "VGG-19, ImageNet",
        "perceptual losses in training; `animate train --vgg`",
        _FETCHED,
        _BY_TORCHVISION,
        _IMAGENET,
        ("common/_vgg_weights.py",),
    ),
    PublishedWeights(
        "ResNet-50, ImageNet",
        "start of training DFC-S (`train-dfc --network dfc-s`)",
        _BY_HAND,
        _BY_TORCHVISION,
        _IMAGENET,
        ("inpaint/published.py",),
    ),
    PublishedWeights(
        "detectron2's model zoo",
        "`--teacher detectron2`",
        "by detectron2",
        "CC BY-SA 3.0 by its MODEL_ZOO.md (the code is Apache-2.0)",
        "yes by the licence, with credit, and changed files under the same licence; the terms of COCO may apply",
        ("common/_detectron2.py",),
    ),
    PublishedWeights(
        "OpenMMLab: DeepLabv3, FCN (mmsegmentation)",
        "`--segmenter deeplabv3`, `fcn`",
        _BY_HAND,
        "Apache-2.0, as the project",
        "not plain: depends on the data of the checkpoint; Cityscapes and ADE20K are for research",
        ("inpaint/_segmenter.py",),
    ),
    PublishedWeights(
        "OpenMMLab: FlowNet2 (mmflow)",
        "`--flow flownet2`",
        _BY_HAND,
        "Apache-2.0, as the project",
        "not plain: trained on FlyingChairs and FlyingThings3D, which are for research",
        ("inpaint/_flownet2.py",),
    ),
    PublishedWeights(
        "NVIDIA: FlowNet2",
        "`--flow flownet2`",
        _BY_HAND,
        "converted from the authors' (Freiburg), which are for research only; the code is Apache-2.0",
        "**no**: non-commercial; the authors must be asked",
        ("inpaint/_nvidia_flownet2.py",),
    ),
    PublishedWeights(
        "DFC-Net stages 1 to 3 (Xu et al.)",
        "`--dfc-weights`",
        _BY_HAND,
        f"{_NOT_STATED}; the repository is MIT",
        "not plain: ask the authors",
        ("inpaint/published.py",),
    ),
    PublishedWeights(
        "DeepFill v1 (`imagenet_deepfill.pth`)",
        "`--fill deepfill`",
        _BY_HAND,
        f"{_NOT_STATED}; made from DeepFill v1, which is CC BY-NC",
        "**no**: non-commercial",
        ("inpaint/checkpoint.py",),
    ),
    PublishedWeights(
        "LaMa (`big-lama.pt`)",
        "`--fill lama`",
        _BY_HAND,
        "Apache-2.0, as the project",
        "not plain: the project allows it; its training data, Places2, are for research",
        ("inpaint/lama.py",),
    ),
    PublishedWeights(
        "SimVP (A4Bio)",
        "`load_published`",
        _BY_HAND,
        "none: the repository has no licence file",
        "**no**: nothing has been allowed",
        ("vfp/checkpoints.py",),
    ),
    PublishedWeights(
        "SimVP v2, TAU, ConvLSTM (OpenSTL)",
        "`load_published`",
        _BY_HAND,
        "Apache-2.0, as the project",
        "not plain: depends on the data of the checkpoint",
        ("vfp/checkpoints.py",),
    ),
    PublishedWeights(
        "Perturbed Masks and its background swap",
        "`import_checkpoint`",
        "never published",
        "none: the repositories have no licence file",
        "**no**: nothing has been allowed",
        ("animate/_import.py",),
    ),
    PublishedWeights(
        "ESPNetv2, Pascal VOC (EdgeNets)",
        "`examples/espnetv2.py` of inversion",
        _BY_HAND,
        "MIT, as the project",
        "not plain: the project allows it; the pictures of Pascal VOC are from Flickr",
        ("inversion/espnetv2.py",),
    ),
)
