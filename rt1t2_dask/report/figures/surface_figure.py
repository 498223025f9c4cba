"""Regional values on the inflated fsaverage5 surface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import Normalize
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.morphometry.surface import SURFACES, Hemisphere, desikan_vertices, hemisphere
from rt1t2_dask.report.figures.picture import Picture, house_style, new_figure, stacked

Float = NDArray[np.float64]
GREY = (0.80, 0.80, 0.80)
VIEWS = (("left", "lateral"), ("left", "medial"), ("right", "medial"), ("right", "lateral"))
MARKED = 0.5
_LIGHT = 0.35
_SHOWN_SHARE = 0.4
_OUTLINE = 0.9


@dataclass(frozen=True)
class BrainSurface:
    """Both hemispheres with the region of every vertex.

    Parameters
    ----------
    meshes : mapping of {"left", "right"} to Hemisphere
    regions : mapping of {"left", "right"} to ndarray of int, shape (vertex,)
        Index in ``names``; -1 on the medial wall.
    names : mapping of {"left", "right"} to tuple of str
    borders : str
        Where the regions' borders come from, for captions.
    """

    meshes: Mapping[str, Hemisphere]
    regions: Mapping[str, NDArray[np.intp]]
    names: Mapping[str, tuple[str, ...]]
    borders: str = "regions projected from MNI space by nearest voxel"


def brain_surface(atlas: bytes, files: Mapping[str, bytes]) -> BrainSurface:
    """Project the volumetric Desikan-Killiany atlas to the surface.

    Parameters
    ----------
    atlas : bytes
        NIfTI in MNI152 mm.
    files : mapping of str to bytes
        The surfaces, as ``fsaverage5_infl_left``.
    """
    image = from_bytes(atlas, "the Desikan-Killiany atlas", kind="map")
    meshes, regions, names = {}, {}, {}
    for side in ("left", "right"):
        mesh = hemisphere({name: files[f"fsaverage5_{name}_{side}"] for name in SURFACES})
        labels, regions[side] = desikan_vertices(mesh, side, image)
        meshes[side], names[side] = mesh, tuple(labels)
    return BrainSurface(meshes, regions, names)


def on_surface(
    values: Mapping[str, float],
    surface: BrainSurface,
    label: str,
    caption: str,
    simulated: bool,
    outlined: Sequence[str] = (),
) -> Picture:
    """Draw regional values, lateral and medial views of both hemispheres.

    Parameters
    ----------
    values : mapping of str to float
        By canonical region; grey without a value.
    surface : BrainSurface
    label : str
        Of the colour bar.
    caption : str
    simulated : bool
    outlined : sequence of str
        Regions outlined in black.
    """
    known = [abs(v) for v in values.values() if np.isfinite(v)]
    limit = max(known, default=1.0) or 1.0
    marked = {r: v for r, v in values.items() if abs(v) >= MARKED * limit}
    norm, colours = Normalize(-limit, limit), mpl.colormaps["RdBu_r"]
    with house_style():
        figure = new_figure(7.5, 2.5, simulated)
        body, foot = stacked(figure, [1.8, 0.7])
        for axes, (side, view) in zip(body.subplots(1, 4), VIEWS, strict=True):
            _draw(axes, surface, side, view, values, (norm, colours), outlined)
            _mark_signs(axes, surface, side, view, marked)
        bar = foot.add_subplot(foot.add_gridspec(1, 3, width_ratios=[1, 2, 1])[1])
        foot.colorbar(ScalarMappable(norm, colours), cax=bar, orientation="horizontal")
        bar.set_xlabel(label)
    top = sorted(values, key=lambda r: -abs(values[r]) if np.isfinite(values[r]) else 0.0)[:3]
    named = ", ".join(f"{r} {values[r]:.2f}" for r in top)
    words = f"Signs mark regions beyond half of the scale. Inflated fsaverage5; {surface.borders}."
    return Picture(figure, f"Brain surfaces; largest values: {named}.", f"{caption} {words}")


def _draw(
    axes: Axes,
    surface: BrainSurface,
    side: str,
    view: str,
    values: Mapping[str, float],
    scale: tuple[Normalize, mpl.colors.Colormap],
    outlined: Sequence[str],
) -> None:
    mesh, region, names = surface.meshes[side], surface.regions[side], surface.names[side]
    colours = _vertex_colours(mesh, region, names, values, scale)
    chosen = np.array([name in outlined for name in names] + [False])[region]
    draw_view(axes, mesh, (side, view), colours, chosen)


def draw_view(
    axes: Axes,
    mesh: Hemisphere,
    seen: tuple[str, str],
    colours: Float,
    outlined: NDArray[np.bool_],
) -> None:
    """Draw one view of an inflated hemisphere.

    Parameters
    ----------
    seen : tuple of str
        One of `VIEWS`.
    colours : ndarray, shape (vertex, 3)
        RGB, 0 to 1.
    outlined : ndarray of bool, shape (vertex,)
        Whose border is drawn in black.
    """
    side, view = seen
    outward = (side == "left") == (view == "lateral")
    across, depth = (-1.0, -1.0) if outward else (1.0, 1.0)
    corners = mesh.inflated[mesh.faces]
    order = np.argsort(depth * corners[:, :, 0].mean(axis=1))
    faces = mesh.faces[order]
    shown = mesh.inflated[faces]
    normals = np.cross(shown[:, 1] - shown[:, 0], shown[:, 2] - shown[:, 0])
    length = np.linalg.norm(normals, axis=1)
    facing = np.abs(normals[:, 0]) / np.where(length > 0, length, 1.0)
    paint = colours[faces].mean(axis=1)
    shaded = np.clip(paint * (1 - _LIGHT + _LIGHT * facing[:, None]), 0, 1)
    polygons = np.stack([across * shown[:, :, 1], shown[:, :, 2]], axis=2)
    axes.add_collection(
        PolyCollection(
            list(polygons), facecolors=shaded, edgecolors=shaded, linewidths=0.2, rasterized=True
        )
    )
    lines = border(faces[depth * _outward(mesh.inflated, faces, normals) > 0], outlined)
    flat = mesh.inflated[:, 1:] * [across, 1.0]
    pieces = flat[lines].mean(axis=2)
    axes.add_collection(LineCollection(list(pieces), colors="black", linewidths=_OUTLINE))
    axes.set_aspect("equal")
    axes.autoscale_view()
    axes.set_axis_off()
    axes.set_title(f"{side} {view}", fontsize=8)


def border(faces: NDArray[np.intp], inside: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the line that parts vertices inside from those outside, across each face.

    Parameters
    ----------
    faces : ndarray of int, shape (face, 3)
    inside : ndarray of bool, shape (vertex,)

    Returns
    -------
    ndarray of int, shape (piece, 2, 2)
        From the middle of one edge to that of another, each edge by its two vertices.
    """
    held = inside[faces]
    count = held.sum(axis=1)
    mixed = (count == 1) | (count == 2)
    alone = np.argmax(held[mixed] == (count[mixed] == 1)[:, None], axis=1)
    corners = [
        np.take_along_axis(faces[mixed], ((alone + k) % 3)[:, None], 1)[:, 0] for k in range(3)
    ]
    return np.stack([np.stack([corners[0], corners[k]], axis=1) for k in (1, 2)], axis=1)


def _outward(places: Float, faces: NDArray[np.intp], normals: Float) -> Float:
    """Return x of the faces' normals, outward whichever way their vertices are listed."""
    centres = places[faces].mean(axis=1) - places.mean(axis=0)
    side = np.sign((normals * centres).sum())
    return np.asarray(side * normals[:, 0])


def _mark_signs(
    axes: Axes, surface: BrainSurface, side: str, view: str, marked: Mapping[str, float]
) -> None:
    """Draw + or − on regions that face the viewer."""
    mesh, region = surface.meshes[side], surface.regions[side]
    outward = (side == "left") == (view == "lateral")
    across = -1.0 if outward else 1.0
    near = np.flatnonzero(across * _normals(mesh)[:, 0] > 0)
    for k, name in enumerate(surface.names[side]):
        own = near[region[near] == k]
        if name not in marked or len(own) < _SHOWN_SHARE * np.count_nonzero(region == k):
            continue
        at = mesh.inflated[own[_innermost(mesh.inflated[own, 1:])]]
        sign = "+" if marked[name] > 0 else "\N{MINUS SIGN}"
        text = axes.text(across * at[1], at[2], sign, ha="center", va="center_baseline")
        text.set(fontsize=9, fontweight="bold", color="white")
        text.set_path_effects([withStroke(linewidth=1.5, foreground="black")])


def _normals(mesh: Hemisphere) -> Float:
    """Compute vertex normals as sums of face normals."""
    corners = mesh.inflated[mesh.faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros_like(mesh.inflated)
    for k in range(3):
        np.add.at(total, mesh.faces[:, k], across)
    return total


def _innermost(points: Float) -> int:
    """Return the point nearest to the centre of a region."""
    return int(np.argmin(np.linalg.norm(points - points.mean(axis=0), axis=1)))


def _vertex_colours(
    mesh: Hemisphere,
    region: NDArray[np.intp],
    names: Sequence[str],
    values: Mapping[str, float],
    scale: tuple[Normalize, mpl.colors.Colormap],
) -> Float:
    own = np.array([values.get(name, np.nan) for name in names] + [np.nan])
    return painted(mesh, own[region], scale)


def painted(mesh: Hemisphere, values: Float, scale: tuple[Normalize, mpl.colors.Colormap]) -> Float:
    """Return the RGB of each vertex, shape (vertex, 3): grey without a value, darker in sulci."""
    norm, colours = scale
    paint = np.asarray(colours(norm(np.nan_to_num(values))))[:, :3]
    sulci = np.where(mesh.sulci[:, None] > 0, 0.92, 1.0)
    return np.asarray(np.where(np.isfinite(values)[:, None], paint, np.array(GREY)) * sulci)
