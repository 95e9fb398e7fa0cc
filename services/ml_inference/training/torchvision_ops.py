"""Makes torchvision importable beside a torch without CUDA; import this before anything that imports torchvision.

PyPI's torchvision is linked against the CUDA torch: its operators do not load beside the CPU build, and without them
the package does not import. What timm, segmentation-models and ultralytics call of them is non-maximum suppression.
"""

from __future__ import annotations

import torch

_POOLED = "float spatial_scale, SymInt pooled_height, SymInt pooled_width"
_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    f"roi_align(Tensor input, Tensor rois, {_POOLED}, int sampling_ratio, bool aligned) -> Tensor",
    f"_roi_align_backward(Tensor grad, Tensor rois, {_POOLED}, SymInt batch_size, SymInt channels, SymInt height, SymInt width, int sampling_ratio, bool aligned) -> Tensor",  # noqa: E501
    "deform_conv2d(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, SymInt stride_h, SymInt stride_w, SymInt pad_h, SymInt pad_w, SymInt dilation_h, SymInt dilation_w, SymInt groups, SymInt offset_groups, bool use_mask) -> Tensor",  # noqa: E501
)


def _nms(boxes: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    order, kept = scores.argsort(descending=True), []
    sizes = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(dim=1)
    while len(order):
        first, order = order[0], order[1:]
        kept.append(first)
        low = torch.maximum(boxes[first, :2], boxes[order, :2])
        high = torch.minimum(boxes[first, 2:], boxes[order, 2:])
        shared = (high - low).clamp(min=0).prod(dim=1)
        order = order[shared / (sizes[first] + sizes[order] - shared) <= iou_threshold]
    return torch.stack(kept) if kept else torch.zeros(0, dtype=torch.long)


def _loads() -> bool:
    return hasattr(torch.ops.torchvision, "nms")


if not _loads():
    LIBRARY = torch.library.Library("torchvision", "DEF")  # must live as long as the process
    for schema in _SCHEMAS:
        LIBRARY.define(schema)
    LIBRARY.impl("nms", _nms, "CPU")
    import torchvision

    torchvision.ops.nms = torchvision.ops.boxes.nms = _nms
