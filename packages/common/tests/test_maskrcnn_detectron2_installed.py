"""The adapter against the real detectron2, where somebody has it: random weights, its own answers as the reference.

It is not on PyPI. A checkout on PYTHONPATH is enough, as nothing here needs its compiled operations.
"""

from __future__ import annotations

import pytest
import torch

from maskreel.common.maskrcnn import Detectron2MaskRCNN

pytest.importorskip("detectron2", reason="detectron2 is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # its own


@pytest.mark.parametrize("config", ["mask_rcnn_R_50_FPN_1x", "mask_rcnn_R_50_C4_1x"])
def test_answers_are_those_of_detectron2(config: str) -> None:
    from detectron2 import model_zoo  # pyright: ignore[reportMissingImports]
    from detectron2.modeling import build_model  # pyright: ignore[reportMissingImports]
    from detectron2.structures import Boxes, Instances  # pyright: ignore[reportMissingImports]

    settings = model_zoo.get_config(f"COCO-InstanceSegmentation/{config}.yaml")
    settings.MODEL.DEVICE = "cpu"
    settings.MODEL.ROI_HEADS.SCORE_THRESH_TEST = 0.0
    settings.MODEL.RPN.POST_NMS_TOPK_TEST = 20
    network = build_model(settings).eval()
    model = Detectron2MaskRCNN(network, [f"class {number}" for number in range(80)])
    image = torch.rand(1, 3, 96, 128, requires_grad=True)
    boxes = torch.tensor([[10.0, 12.0, 60.0, 70.0], [30.0, 5.0, 100.0, 90.0]])
    features = model.features(image)
    logits = model.mask_logits(features, [boxes], [torch.tensor([1, 23])])
    (gradient,) = torch.autograd.grad(logits.sum(), image)
    assert gradient.abs().max() > 0

    inputs = [{"image": image.detach()[0].flip(0) * 255, "height": 96, "width": 128}]
    with torch.no_grad():
        given = Instances((96, 128), pred_boxes=Boxes(boxes), pred_classes=torch.tensor([0, 22]))
        maps = network.backbone(network.preprocess_image(inputs).tensor)
        masks = network.roi_heads.forward_with_given_boxes(maps, [given])[0].pred_masks[:, 0]
        (theirs,) = network.inference(inputs, do_postprocess=False)
    (ours,) = model.detect(image.detach())
    assert torch.equal(logits.sigmoid(), masks)
    assert torch.equal(ours.boxes, theirs.pred_boxes.tensor)
    assert torch.equal(ours.scores, theirs.scores)
    assert torch.equal(ours.labels - 1, theirs.pred_classes)
    assert len(model.batch_norm_layers()) == 53
