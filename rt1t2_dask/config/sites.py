"""The typed settings of studies with several sites."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from rt1t2_dask.config.contrasts import Form, Formula, OneSample, Paired, Regression
from rt1t2_dask.config.model import Model

Changes = dict[str, Any]


def _as_text(value: Any) -> Any:
    """Take a site's number as its name."""
    plain = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if plain else value


class SitePlace(Model):
    """One site of a cohort: what of the study's settings is different there."""

    source: Changes = Field(default_factory=dict)
    storage: Changes = Field(default_factory=dict)
    calibration: Changes = Field(default_factory=dict)
    cluster: Changes = Field(default_factory=dict)

    @property
    def elsewhere(self) -> bool:
        """Whether its images are processed in a lake or on workers of its own."""
        return bool(self.storage or self.cluster)


class Share(Model):
    """What a site hands on in place of images, and what is made of it."""

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
    """Put the site into a contrast: as a covariate where ``fixed``, and for exchange.

    People are exchanged within sites; pairs and single groups change sign, which no site
    shares, and a formula names its own terms. With ``welch``, groups of unlike variance change
    sign too, within sites where the model has a term for each.
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
    """Lay changes over settings, mapping by mapping; another ``kind`` starts afresh."""
    if "kind" in changes and changes["kind"] != tree.get("kind"):
        return dict(changes)
    both = dict(tree)
    for name, value in changes.items():
        nested = isinstance(value, Mapping) and isinstance(both.get(name), Mapping)
        both[name] = merged(both[name], value) if nested else value
    return both
