"""A virtual camera for plates: from straight in front to as a lane's camera sees them, with exact truth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.types import Image


@dataclass(frozen=True)
class Conditions:
    """How a plate is seen. Angles in degrees, lengths in pixels of the picture."""

    width: float
    """Of the plate in the picture."""
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    defocus: float = 0.0
    """Standard deviation of the blur."""
    motion: float = 0.0
    """Length of the smear."""
    smear: float = 0.0
    """Its direction."""
    light: float = 1.0
    """Brightness against a well exposed picture."""
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    glare: float = 0.0
    """Strength of a bright patch, 0 to 1."""
    dirt: float = 0.0
    """Share of the plate that mud dims."""
    noise: float = 0.0
    """Standard deviation in levels."""
    quality: int = 90
    """Of the JPEG."""


def any_conditions(dice: np.random.Generator, width: float, hard: float = 1.0) -> Conditions:
    """Conditions as they come in a car park; `hard` scales how far they go."""
    return Conditions(
        width=width,
        yaw=float(dice.normal(0, 14 * hard)),
        pitch=float(dice.normal(0, 10 * hard)),
        roll=float(dice.normal(0, 4 * hard)),
        defocus=float(abs(dice.normal(0, 0.5 * hard)) * (width / 120) ** 0.5),
        motion=float(abs(dice.normal(0, 1.3 * hard)) * (width / 120) ** 0.5),
        smear=float(dice.uniform(0, 180)),
        light=float(np.exp(dice.normal(-0.15, 0.35 * hard))),
        tint=tuple(np.exp(dice.normal(0, 0.05 * hard, 3)).tolist()),
        glare=float(max(0.0, dice.normal(-0.3, 0.4 * hard))),
        dirt=float(max(0.0, dice.normal(-0.1, 0.12 * hard))),
        noise=float(abs(dice.normal(0, 5 * hard))),
        quality=int(dice.integers(60, 95)),
    )


def corners_of(
    plate: Image, seen: Conditions, centre: tuple[float, float], rim: float = 0.0
) -> NDArray[np.float32]:
    """(4, 2) pixels: where the corners of a plate come to lie, clockwise from the top left.

    rim: share of the plate's picture on each side that is road around it, not plate.
    """
    height, width = plate.shape[:2]
    across, down = 0.5, 0.5 * height / width
    flat = np.array([[-across, -down, 0], [across, -down, 0], [across, down, 0], [-across, down, 0]])
    yaw, pitch, roll = (math.radians(angle) for angle in (seen.yaw, seen.pitch, seen.roll))
    turn_y = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
    turn_x = np.array(
        [[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]]
    )
    turn_z = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    points = flat @ (turn_z @ turn_x @ turn_y).T
    distance = 6.0
    seen_flat = points[:, :2] / (1 + points[:, 2:] / distance)
    long = (np.linalg.norm(seen_flat[1] - seen_flat[0]) + np.linalg.norm(seen_flat[2] - seen_flat[3])) / 2
    scale = seen.width / (1 - 2 * rim) / long
    return (seen_flat * scale + np.array(centre)).astype(np.float32)


def photograph(
    plate: Image,
    background: Image,
    seen: Conditions,
    centre: tuple[float, float],
    dice: np.random.Generator,
    *,
    rim: float = 0.0,
) -> Image:
    """A plate on a background, (rows, columns, 3); only the plate's surroundings are worked on."""
    picture = background.copy()
    corners = corners_of(plate, seen, centre, rim)
    pad = 12 + int(seen.motion + 3 * seen.defocus)
    left, top = np.maximum(np.floor(corners.min(axis=0)).astype(int) - pad, 0)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int) + pad
    part = picture[top:bottom, left:right]
    if part.size == 0:
        return picture
    worn = _worn(plate, seen, dice)
    part[:] = _placed(worn, part, corners - np.array([left, top], np.float32))
    part[:] = _blurred(part, seen)
    shot = part.astype(np.float32) * seen.light * np.array(seen.tint, np.float32)
    shot += dice.normal(0, seen.noise + 1e-3, shot.shape).astype(np.float32)
    part[:] = np.clip(shot, 0, 255).astype(np.uint8)
    good, data = cv2.imencode(".jpg", part, [cv2.IMWRITE_JPEG_QUALITY, seen.quality])
    assert good
    part[:] = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return picture


def _worn(plate: Image, seen: Conditions, dice: np.random.Generator) -> Image:
    """Mud and glare on the plate itself."""
    height, width = plate.shape[:2]
    worn = plate.astype(np.float32)
    if seen.dirt > 0:
        grain = cv2.resize(
            dice.uniform(0, 1, (6, 18)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
        )
        mud = np.clip((grain - (1 - seen.dirt)) * 4, 0, 0.7)[:, :, None]
        worn = worn * (1 - mud) + np.array([70, 90, 105], np.float32) * mud
    if seen.glare > 0:
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        at = dice.uniform(0, width), dice.uniform(0, height)
        shine = np.exp(-(((x - at[0]) / (0.25 * width)) ** 2 + ((y - at[1]) / (0.6 * height)) ** 2))
        worn += (seen.glare * 160 * shine)[:, :, None]
    return np.clip(worn, 0, 255).astype(np.uint8)


def _placed(plate: Image, part: Image, corners: NDArray[np.float32]) -> Image:
    height, width = plate.shape[:2]
    factor = max(1.0, width / max(np.linalg.norm(corners[1] - corners[0]), 1))
    if factor > 1.5:  # anti-aliased: a camera's pixel sees all that falls on it
        plate = cv2.resize(
            plate, (max(8, round(width / factor * 1.5)), max(4, round(height / factor * 1.5))),
            interpolation=cv2.INTER_AREA,
        )  # fmt: skip
        height, width = plate.shape[:2]
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, corners)
    size = (part.shape[1], part.shape[0])
    flat = cv2.warpPerspective(plate, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpPerspective(np.full(plate.shape[:2], 255, np.uint8), matrix, size, flags=cv2.INTER_LINEAR)
    share = (cover.astype(np.float32) / 255)[:, :, None]
    return (part * (1 - share) + flat * share).astype(np.uint8)


def _blurred(part: Image, seen: Conditions) -> Image:
    if seen.motion >= 0.5:
        side = 2 * int(np.ceil(seen.motion)) + 1
        kernel = np.zeros((side, side), np.float32)
        angle, middle = math.radians(seen.smear), side // 2
        reach = seen.motion / 2 * np.array([math.cos(angle), math.sin(angle)])
        ends = [tuple(round(float(middle + sign * way) * 16) for way in reach) for sign in (-1, 1)]
        cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_AA, 4)
        kernel /= max(kernel.sum(), 1e-6)
        part = cv2.filter2D(part, -1, kernel)
    if seen.defocus >= 0.3:
        part = cv2.GaussianBlur(part, (0, 0), seen.defocus)
    return part
