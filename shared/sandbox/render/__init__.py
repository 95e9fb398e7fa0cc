"""Pictures of the town's roofs: nadir tiles and street views, the same pixels for the same seed."""

from shared.sandbox.render.atmosphere import Capture, capture_on
from shared.sandbox.render.encode import jpeg_bytes, png_bytes
from shared.sandbox.render.geometry3d import Camera
from shared.sandbox.render.nadir import NadirFrame, render_nadir
from shared.sandbox.render.placeholder import clouded, no_imagery
from shared.sandbox.render.street import (
    CAMERA_HEIGHT_M,
    STREET_SIDES,
    camera_for_side,
    camera_position,
    render_street,
)
from shared.sandbox.render.truth import PictureTruth, SeenDamage, nadir_truth, street_truth
from shared.sandbox.render.view import Neighbour, RoofScene, scene_of

__all__ = [
    "CAMERA_HEIGHT_M",
    "STREET_SIDES",
    "Camera",
    "Capture",
    "NadirFrame",
    "Neighbour",
    "PictureTruth",
    "RoofScene",
    "SeenDamage",
    "camera_for_side",
    "camera_position",
    "capture_on",
    "clouded",
    "jpeg_bytes",
    "nadir_truth",
    "no_imagery",
    "png_bytes",
    "render_nadir",
    "render_street",
    "scene_of",
    "street_truth",
]
