"""A study of sums: one analysis of all sites' people from the files that each handed on."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.analysis import GroupPlan
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.images.plan import Failure
from rt1t2_dask.pipelines.outputs.finished import Finished
from rt1t2_dask.pipelines.share.files import SiteFile, read_files
from rt1t2_dask.pipelines.share.joint_analysis import JointContrasts, plan_joint
from rt1t2_dask.pipelines.share.joint_write import FinishedSums
from rt1t2_dask.pipelines.study.driver import Workflow

log = logging.getLogger("rt1t2_dask")


def checked_sums(config: Config) -> Config:
    """Return the settings that sums allow: one variance for all groups.

    Raises
    ------
    UserError
        A setting needs people one by one.
    """
    if config.contrast.variance == "spm_unequal":
        raise UserError(
            f"contrast.variance={config.contrast.variance} needs people one by one; "
            "share=combine tests with contrast.variance=equal."
        )
    if config.site.model == "combat":
        raise UserError(
            "site.model=combat changes each person's map before it is summed; share=combine takes "
            "site.model=covariate or none."
        )
    return config.model_copy(
        update={"contrast": config.contrast.model_copy(update={"variance": "equal"})}
    )


class CombinedSums(Workflow):
    """The sites' files, and the contrasts of everybody in them."""

    files: Sequence[SiteFile]
    joint: JointContrasts

    def plan(self) -> int:
        """Read the files and plan the contrasts; nobody is known one by one."""
        self.files = read_files(self.config)
        self.joint = plan_joint(self.config, self.files)
        return 0

    def tasks(self) -> list[Task]:
        """Return the contrasts' tasks."""
        return self.joint.tasks()

    def describe(self) -> None:
        """Log what would be done."""
        for note in self.joint.notes:
            log.warning("%s", note)
        n = len(self.joint.contrasts)
        log.info("%d contrasts of %d sites from their sums", n, len(self.files))

    def make_group(self, failures: Sequence[Failure]) -> Finished:
        """Make the contrasts."""
        group = GroupPlan((self.joint,))
        self.maker.group(group)
        return FinishedSums(self.config, self.lake, group, files=tuple(self.files))
