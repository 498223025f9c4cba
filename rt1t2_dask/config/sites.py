"""The typed settings of studies with several sites."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from rt1t2_dask.config.contrasts import Form, Formula, OneSample, Paired, Regression
from rt1t2_dask.config.model import Model

Changes = dict[str, Any]


def _as_text(value: Any) -> Any:
    """Convert a site's number to its name."""
    plain = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if plain else value


class SitePlace(Model):
    """One site of a cohort: its changes to the study's settings."""

    source: Changes = Field(default_factory=dict)
    storage: Changes = Field(default_factory=dict)
    calibration: Changes = Field(default_factory=dict)
    cluster: Changes = Field(default_factory=dict)

    @property
    def elsewhere(self) -> bool:
        """Whether it has its own lake or workers."""
        return bool(self.storage or self.cluster)


class Share(Model):
    """Sums shared by a site instead of images, and their combination."""

    kind: Literal["none", "export", "combine"]
    site: Annotated[str, BeforeValidator(_as_text), Field(pattern=r"^[A-Za-z0-9]+$")] | None
    minimum_people: Annotated[int, Field(ge=3, le=50)]


class Sites(Model):
    """How the sites of a cohort enter its contrasts."""

    model: Literal["none", "covariate", "combat"]
    meta: Literal["none", "fixed", "random"]
    reference: Annotated[str, BeforeValidator(_as_text)] | None
    smooth: tuple[str, ...]
    splines: Annotated[int, Field(ge=4, le=10)]


def with_site(form: Form, site: str, fixed: bool, welch: bool) -> Form:
    """Add the site to a contrast: as a covariate if ``fixed``, and as exchangeability block.

    People are exchanged within sites; pairs and single groups are sign-flipped, which needs no
    blocks, and a formula names its own terms. With ``welch``, groups are sign-flipped too, within
    sites where the model has a term for each.
    """
    if isinstance(form, Paired):
        return form
    own = form.covariates or ()
    if fixed and not isinstance(form, Formula) and site not in own:
        form = form.with_covariates((*own, site))
    if isinstance(form, OneSample) or form.block:
        return form
    alone = isinstance(form, Regression) and len(form.within or ()) == 1
    if welch and not alone and site not in form.columns:
        return form
    return form.model_copy(update={"block": site})


def merged(tree: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Merge changes into settings, by mapping; another ``kind`` starts afresh."""
    if "kind" in changes and changes["kind"] != tree.get("kind"):
        return dict(changes)
    both = dict(tree)
    for name, value in changes.items():
        nested = isinstance(value, Mapping) and isinstance(both.get(name), Mapping)
        both[name] = merged(both[name], value) if nested else value
    return both
