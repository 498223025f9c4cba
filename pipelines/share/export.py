"""The file that a site shares, and its plain-text description."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.outputs import dataset
from rt1t2_dask.pipelines.share.ledger import remember
from rt1t2_dask.pipelines.share.sums import ShareSettings, variable_words
from rt1t2_dask.storage.keys import checksum
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.single_file import pack
from rt1t2_dask.storage.stores import Store

log = logging.getLogger("rt1t2_dask")
FOLDER = "share"
WORDS = """Contents of {name}{simulated}
{line}
Site {site}, cohort {cohort}. Groups: {groups}.
Variables: {columns}.
SHA-256: {sha}

Contents, for the data protection officer:
- no image, no name, label, date or file name, no value of one person;
- how many people each group has, and {demographics};
- at each voxel of the brain and for each region: the sum of the ratio over people, the sum of its
  square, the sum of its product with each variable; the sum of products of the variables;
  and the sum of squared differences between neighbouring voxels;
- where sums are available.

Each group is divided into cells of people, and a voxel is included for a cell only where all of its
people were measured. So every number, and every sum or difference of the sums, is about whole
cells; the file does not say who is in which. Cells:
{cells}
No weighted sum over a cell is dominated (more than 95 %) by fewer than {least} people.

Note: where a cell has no sum, one of its people was not measured, so the outline of a lesion or of
a cropped field of view may be visible, but not whose. Sums are exact; no noise is added.

Arrays:
{arrays}
"""


def file_name(config: Config) -> str:
    """Return the file name of a site."""
    mark = "SIMULATED_" if config.simulated else ""
    return f"{mark}{config.cohort.name}_site-{config.share.site}_share.zarr.zip"


def write_share(
    config: Config, store: Store, lake: Lake, task: Task, labels: Sequence[str]
) -> None:
    """Write the file and its description, and record at the site who was included.

    Parameters
    ----------
    task : Task
        Of `share_plan.plan_share`, done.
    labels : sequence of str
        People of the sums, in the task's order.
    """
    content, record = pack(lake.whole(task.part)), lake.record(task.part)
    name = file_name(config)
    settings = task.settings_as(ShareSettings)
    text = _words(name, checksum(content), settings.about, record)
    remember(lake, settings.export, labels, record["cells"], settings.matrix)
    store.write(f"{FOLDER}/{name}", content)
    store.write(f"{FOLDER}/{name.removesuffix('.zarr.zip')}.txt", text.encode())
    sys.stdout.write(text)
    for group, (whole, kept) in record["kept"].items():
        log.info(
            "%s: all people measured at %.1f %% of the voxels; %.1f %% of measurements shared",
            group, 100 * whole, 100 * kept,
        )  # fmt: skip
    log.info("%.1f MB: %s/%s/%s", len(content) / 1e6, config.output_dir, FOLDER, name)


def _words(name: str, sha: str, about: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    cells = {g: ", ".join(str(len(c)) for c in own) for g, own in record["cells"].items()}
    listed = [g for g, row in about["demographics"].items() if row["n_male"] is not None]
    ages = [g for g, row in about["demographics"].items() if row["age_n"] is not None]
    sexes = (
        f"the number of males and females of {', '.join(listed)}" if listed else "no number by sex"
    )
    return WORDS.format(
        name=name,
        line="=" * (12 + len(name)),
        simulated=f" ({dataset.SIMULATED})" if about["simulated"] else "",
        sha=sha,
        site=about["site"],
        cohort=about["cohort"],
        groups=", ".join(f"{g} ({row['n']} people)" for g, row in about["demographics"].items()),
        columns=", ".join(about["columns"][1:]) or "none",
        demographics=f"{sexes}; mean and standard deviation of age of {', '.join(ages) or 'none'}",
        cells="\n".join(f"- {group}: {sizes} people" for group, sizes in cells.items()),
        least=about["minimum_people"],
        arrays="\n".join(f"- {n} ({dims}): {doc}" for n, dims, doc in variable_words()),
    )
