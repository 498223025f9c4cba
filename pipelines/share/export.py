"""The file that a site hands on, and what it holds in plain words."""

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
WORDS = """What {name} holds{simulated}
{line}
Site {site}, cohort {cohort}. Groups: {groups}.
Variables: {columns}.
SHA-256: {sha}

In it, for the data-protection officer:
- no image, no name, label, date or file name, no value of one person;
- how many people each group has, and {demographics};
- at each voxel of the brain and for each region: the sum of the ratio over people, the sum of its
  square, the sum of its product with each variable; the sum of products of the variables;
  and the sum of squared differences between neighbouring voxels;
- where there is a sum and where there is none.

Each group is divided into cells of people, and a voxel counts for a cell only where everybody of
it was measured there. So every number, and whatever can be worked out by adding or subtracting
the sums, is about whole cells; who is in which is not in the file. Cells:
{cells}
No weighted sum over a cell is to more than 95 % about fewer than {least} people.

To know: where a cell has no sum, somebody of it was not measured, so the outline of a lesion or of
a cut field of view may be seen, without whose it is. Sums are exact, not blurred by noise.

Arrays:
{arrays}
"""


def file_name(config: Config) -> str:
    """Name the file of a site."""
    mark = "SIMULATED_" if config.simulated else ""
    return f"{mark}{config.cohort.name}_site-{config.share.site}_share.zarr.zip"


def write_share(
    config: Config, store: Store, lake: Lake, task: Task, labels: Sequence[str]
) -> None:
    """Write the file and its description, and note at the site who was in it.

    Parameters
    ----------
    task : Task
        Of `share_plan.plan_share`, done.
    labels : sequence of str
        Whose sums they are, in the task's order.
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
            "%s: everybody measured at %.1f %% of the voxels; %.1f %% of measurements shared",
            group, 100 * whole, 100 * kept,
        )  # fmt: skip
    log.info("%.1f MB: %s/%s/%s", len(content) / 1e6, config.output_dir, FOLDER, name)


def _words(name: str, sha: str, about: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    cells = {g: ", ".join(str(len(c)) for c in own) for g, own in record["cells"].items()}
    told = [g for g, row in about["demographics"].items() if row["n_male"] is not None]
    ages = [g for g, row in about["demographics"].items() if row["age_n"] is not None]
    sexes = f"the number of men and women of {', '.join(told)}" if told else "no number by sex"
    return WORDS.format(
        name=name,
        line="=" * (11 + len(name)),
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
