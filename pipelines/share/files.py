"""Read the files shared by sites, and check that they are compatible."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.images.volume import Grid
from rt1t2_dask.pipelines.engine.local_files import local_file
from rt1t2_dask.pipelines.engine.task import InputFile
from rt1t2_dask.pipelines.engine.volumes import grid_of
from rt1t2_dask.pipelines.share.format import FORMAT, checked_content, comparable
from rt1t2_dask.sites.joint import SiteGrams
from rt1t2_dask.stats.scale import Scale
from rt1t2_dask.storage.single_file import unpack

GRID_TOLERANCE_MM = 0.01


@dataclass(frozen=True)
class SiteFile:
    """One site's file, with lazy arrays."""

    file: InputFile
    arrays: xr.Dataset

    @property
    def about(self) -> dict[str, Any]:
        """Metadata of the file."""
        return dict(self.arrays.attrs)

    @property
    def site(self) -> str:
        """Its site."""
        return str(self.arrays.attrs["site"])

    @property
    def scale(self) -> Scale:
        """Scale of its maps and sums."""
        return Scale(self.arrays.attrs["scale"])

    def grams(self) -> SiteGrams:
        """Return X'X of its cells."""
        about = self.about
        return SiteGrams(
            self.site,
            tuple(about["columns"]),
            tuple(about["cells"]),
            np.asarray(self.arrays["share_grams"].to_numpy(), np.float64),
            {group: tuple(own) for group, own in about["lacking"].items()},
        )

    def inside(self) -> NDArray[np.bool_]:
        """Return the voxels of the sums, shape (x, y, z)."""
        return np.asarray(self.arrays["share_inside"].to_numpy().transpose(2, 1, 0), bool)

    def grid(self) -> Grid:
        """Return the grid of the maps."""
        return grid_of(self.arrays["share_inside"])


def opened(file: InputFile) -> SiteFile:
    """Open a file.

    Raises
    ------
    UserError
        It is damaged, not a shared file, or of another version.
    """
    arrays = unpack(file.read(), file.path)
    if arrays.attrs.get("format") != FORMAT:
        raise UserError(
            f"{file.path} has format {arrays.attrs.get('format')}, this version reads {FORMAT}; "
            "export it again with the same version everywhere."
        )
    checked_content(arrays, file.path)
    return SiteFile(file, arrays)


def read_files(config: Config) -> list[SiteFile]:
    """Open all files and check that they are of one analysis, in the order of sites.

    Raises
    ------
    UserError
        Names the file or site, and the remedy.
    """
    found = [opened(local_file(path, "files")) for path in config.files]
    if len(found) < 2:
        raise UserError("share=combine needs the files of at least two sites; files has one.")
    found.sort(key=lambda one: one.site)
    for one, other in itertools.pairwise(found):
        if one.site == other.site:
            raise UserError(
                f"{one.file.path} and {other.file.path} are both of site {one.site}; use one "
                f"file per site, or another share.site at one of them."
            )
    for one in found:
        _check_against(config, one)
    _check_alike(found)
    _check_scales(found)
    return found


def _check_against(config: Config, one: SiteFile) -> None:
    """Refuse a site whose maps or groups do not match this configuration."""
    wanted, about = comparable(config), one.about
    for name, value in wanted.items():
        if about[name] != value:
            raise UserError(
                f"site {one.site} shares maps with {name}={about[name]}, this study has {value}; "
                f"export there with the settings of this study, or combine with theirs."
            )
    unknown = [group for group in about["groups"] if group not in config.cohort.groups]
    if unknown:
        raise UserError(
            f"site {one.site} shares group {unknown[0]}, which is not in cohort.groups "
            f"({', '.join(config.cohort.groups)}); use one cohort file everywhere."
        )
    if len(about["groups"]) < min(2, len(config.cohort.groups)) and config.site.model != "none":
        raise UserError(
            f"site {one.site} has people of {about['groups'][0]} only: site and group are "
            f"confounded there. Leave its file out, or set site.model=none."
        )


def _check_alike(found: Sequence[SiteFile]) -> None:
    first, inside = found[0], found[0].inside()
    for other in found[1:]:
        if not first.grid().same_as(other.grid(), GRID_TOLERANCE_MM):
            raise UserError(
                f"site {other.site} has maps of {other.grid().shape} voxels, site {first.site} of "
                f"{first.grid().shape}, or their affines differ; export with one grid "
                "(template.voxel_mm)."
            )
        if not np.array_equal(inside, other.inside()):
            raise UserError(
                f"sites {first.site} and {other.site} share different voxels of one grid; export "
                f"with one contrast.mask and one template."
            )
        if first.about["simulated"] != other.about["simulated"]:
            raise UserError(
                f"one of the sites {first.site} and {other.site} is simulated; simulated and "
                f"real data cannot be combined."
            )


def _check_scales(found: Sequence[SiteFile]) -> None:
    """Refuse to mix sums of log ratios and of ratios."""
    logs = [one.site for one in found if one.scale == Scale.LOG]
    plain = [one.site for one in found if one.scale != Scale.LOG]
    if logs and plain:
        raise UserError(
            f"site {logs[0]} shares sums of the log ratio, site {plain[0]} of the ratio itself: "
            "calibration=eb_gain takes the log of ratios from scans, and leaves ready-made maps "
            "(source=maps) as they are. Export from scans at every site, or with calibration=none "
            "at every site, and combine with the same."
        )
