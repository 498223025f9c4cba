"""SIMULATED heads on real people's label maps: T1w and T2w whose every truth is known.

Anatomy, head shape and pose are people's own; intensities, texture, fat, fields and noise are ours
(`label_tissues`, `label_scanner`). Every image depends on (person, seed) and the arguments alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from heads import label_tissues as tissue
from heads.label_scanner import Scanner, Size, contrast, fields, scanned, triple
from numpy.typing import NDArray
from scipy import ndimage

from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.transform import Warp, inverse, move
from rt1t2_dask.images.volume import Affine, Array, Volume

Mask = NDArray[np.bool_]

_CLOSING_MM = 6.0
_LESION = (0.45, 2.2)  # T1w and T2w of an old stroke against white matter


@dataclass(frozen=True)
class Lesion:
    """A stroke: a ball in the white matter of one side (`left` or `right`)."""

    radius_mm: float = 14.0
    side: str = "left"


@dataclass(frozen=True, eq=False)
class LabelHead:
    """One person scanned, with the truth.

    Parameters
    ----------
    t1w, t2w : Volume
        float32, each on its own grid.
    t2w_to_t1w : ndarray, shape (4, 4)
        T2w mm to T1w mm; `t1w_to_t2w` is what `coregister.rigid` looks for.
    pose : ndarray, shape (4, 4)
        Label mm to T1w mm.
    labels : Volume
        Label map on the clean 1 mm grid (label mm), after any deformation.
    brain : ndarray of bool
        Tissue, ventricles and the fluid of the sulci: tissue closed by 6 mm. The same closing
        of the ICBM152 template's own tissue gives its own mask with Dice 0.984 (that mask also
        holds a film of fluid all round).
    gm, wm, csf, thalamus : ndarray of bool
        On the label grid; wm is without the white matter lesions of age; csf is the ventricles
        and the fluid within `brain`.
    true_ratio : Volume
        T1w/T2w without scanner or noise, in the unit of the calibration reference (100 = median
        over the template's brain), on the label grid; NaN outside `brain`.
    lesion : ndarray of bool, optional
    """

    t1w: Volume
    t2w: Volume
    t2w_to_t1w: Affine
    pose: Affine
    labels: Volume
    brain: Mask
    gm: Mask
    wm: Mask
    csf: Mask
    thalamus: Mask
    true_ratio: Volume
    lesion: Mask | None

    @property
    def t1w_to_t2w(self) -> Affine:
        """T1w mm to T2w mm."""
        return inverse(self.t2w_to_t1w)

    def on_t1w(self, mask: Mask) -> Mask:
        """Carry a mask of the label grid to the T1w's grid (half of a voxel or more)."""
        share = self.labels.with_data(mask.astype(np.float32))
        to_label = inverse(self.pose)
        return np.asarray(to_grid(share, self.t1w.grid, rigid=to_label, order=1).data >= 0.5)

    def points(self, mask: Mask, every: int = 97) -> Array:
        """Give T1w mm of every so many voxels of a mask on the label grid, shape (n, 3)."""
        index = np.argwhere(mask)[::every]
        return move(self.pose @ self.labels.affine, index)


def build(
    person: int,
    *,
    voxel_mm: Size = 1.0,
    scanner: Scanner | None = None,
    t2w_voxel_mm: Size | None = None,
    pose: Affine | None = None,
    t2w_rigid: Affine | None = None,
    change: Mapping[str, float] | None = None,
    lesion: Lesion | None = None,
    deformation: Warp | None = None,
    seed: int = 0,
) -> LabelHead:
    """Scan a head.

    Parameters
    ----------
    person : int
        1 to 10, in the order of the label maps' names.
    voxel_mm : float or triple
        Of the T1w, >= 1.
    t2w_voxel_mm : float or triple, optional
        As the T1w by default; slices thicker than 1 mm are blurred by their profile.
    pose : ndarray, shape (4, 4), optional
        Label mm to T1w mm: how the head (and its field of view) lies in the scanner.
    t2w_rigid : ndarray, shape (4, 4), optional
        T1w mm to T2w mm: how the head moved between the scans; the field of view stayed.
    change : mapping, optional
        Share by which the true ratio of "brain" (grey and white matter), "thalamus", "gm" or
        "wm" is changed, as ``{"thalamus": -0.09}``; half of it in each image.
    deformation : Warp, optional
        New label mm to the label map's mm.
    """
    scanner = scanner or Scanner()
    pose = np.eye(4) if pose is None else pose
    rigid = np.eye(4) if t2w_rigid is None else t2w_rigid
    clean = _deformed(tissue.tissues(person), deformation)
    labels = Volume(clean.labels, clean.grid.affine)
    masks = _masks(labels)
    stroke = None if lesion is None else _ball(labels, lesion)
    t1w, t2w = _changed(clean, masks, change or {}, stroke)
    ratio = np.where(masks["brain"], t1w / np.maximum(t2w, 1e-3), np.nan).astype(np.float32)
    bias = fields(clean.grid, scanner, np.random.default_rng([person, seed, 1]))
    rng = np.random.default_rng([person, seed, 2])
    scans = []
    for k, (image, size, matrix) in enumerate(
        ((t1w, voxel_mm, np.eye(4)), (t2w, t2w_voxel_mm or voxel_mm, rigid))
    ):
        seen = labels.with_data(contrast(image, scanner, k) * bias[k])
        scans.append(scanned(seen, triple(size), pose, matrix, scanner, k, rng))
    return LabelHead(
        t1w=scans[0],
        t2w=scans[1],
        t2w_to_t1w=inverse(rigid),
        pose=pose,
        labels=labels,
        true_ratio=labels.with_data(ratio),
        lesion=stroke,
        **masks,
    )


def _deformed(clean: tissue.Tissues, warp: Warp | None) -> tissue.Tissues:
    if warp is None:
        return clean
    grid = clean.grid
    labels = to_grid(Volume(clean.labels, grid.affine), grid, warp=warp, order=0).data
    t1w, t2w = (
        to_grid(Volume(image, grid.affine), grid, warp=warp, order=1).data
        for image in (clean.t1w, clean.t2w)
    )
    return tissue.Tissues(grid, labels, t1w, t2w)


def _masks(labels: Volume) -> dict[str, Mask]:
    gm, wm, inner, thalamus, aged = (
        np.isin(labels.data, ids)
        for ids in (
            tissue.GREY,
            tissue.WHITE_LABELS,
            tissue.INNER_FLUID,
            tissue.THALAMUS,
            tissue.AGED_WHITE,
        )
    )
    brain = closed(gm | wm | inner | aged)
    csf = brain & ((labels.data == tissue.OUTER_FLUID) | inner)
    return {"brain": brain, "gm": gm, "wm": wm, "csf": csf, "thalamus": thalamus}


def closed(mask: Mask, radius: float = _CLOSING_MM) -> Mask:
    """Close a mask by a ball of so many voxels and fill its holes."""
    where = np.argwhere(mask)
    margin = int(radius) + 2
    low = np.maximum(where.min(axis=0) - margin, 0)
    box = tuple(slice(a, b) for a, b in zip(low, where.max(axis=0) + margin + 1, strict=True))
    grown = ndimage.distance_transform_edt(~mask[box]) <= radius
    shut = ndimage.distance_transform_edt(np.pad(grown, 1, mode="edge"))[1:-1, 1:-1, 1:-1] > radius
    out = mask.copy()
    out[box] |= ndimage.binary_fill_holes(shut)
    return np.asarray(out)


def _ball(labels: Volume, lesion: Lesion) -> Mask:
    centre = tissue.centroid_mm(labels, 2 if lesion.side == "left" else 41)
    away = np.linalg.norm(labels.grid.world() - centre.astype(np.float32), axis=-1)
    tissues = tissue.GREY + tissue.WHITE_LABELS
    return np.asarray((away <= lesion.radius_mm) & np.isin(labels.data, tissues))


def _changed(
    clean: tissue.Tissues,
    masks: Mapping[str, Mask],
    change: Mapping[str, float],
    stroke: Mask | None,
) -> tuple[Array, Array]:
    """Give both images with the ratio changed in some tissue, and the stroke put in."""
    t1w: Array = clean.t1w
    t2w: Array = clean.t2w
    for name, share in change.items():
        where = (masks["gm"] | masks["wm"]) if name == "brain" else masks[name]
        factor = np.where(where, np.float32(np.sqrt(1 + share)), np.float32(1))
        t1w, t2w = t1w * factor, t2w / factor
    if stroke is None:
        return t1w, t2w
    soft = ndimage.gaussian_filter(stroke.astype(np.float32), 1.0)
    levels = _LESION[0] * tissue.WHITE_T1W, _LESION[1] * tissue.WHITE_T2W
    return t1w + soft * (levels[0] - t1w), t2w + soft * (levels[1] - t2w)
