"""What all forms of a contrast share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

OneSession = Annotated[str, BeforeValidator(lambda label: str(label).removeprefix("ses-"))]


class Form(BaseModel):
    """Settings common to all contrasts.

    ``covariates`` replaces those of the cohort; ``adjusted`` adds a second contrast with these
    additional covariates; ``block`` is a column of exchangeability blocks; ``session`` is the one
    session that is compared, where people have several.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    covariates: tuple[str, ...] | None = None
    adjusted: tuple[str, ...] | None = None
    block: str | None = None
    session: OneSession | None = None

    @property
    def sessions_read(self) -> tuple[str, ...]:
        """Sessions that the contrast reads; empty where it names none."""
        return () if self.session is None else (self.session,)

    @property
    def members(self) -> tuple[str, ...]:
        """Groups of the contrast; empty for all of the cohort."""
        return ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the participants table that are read, apart from the group."""
        extra = (self.block,) if self.block else ()
        return (*(self.covariates or ()), *(self.adjusted or ()), *extra)

    @property
    def identifiers(self) -> tuple[str, ...]:
        """Columns whose values are names and never numbers."""
        return (self.block,) if self.block else ()

    def with_covariates(self, covariates: tuple[str, ...]) -> Form:
        """Return the same contrast with these covariates."""
        return self.model_copy(update={"covariates": covariates, "adjusted": None})


def require_two(groups: tuple[str, str]) -> None:
    """Refuse a group compared with itself; raises ValueError."""
    if groups[0] == groups[1]:
        raise ValueError(f"a contrast of {groups[0]} with itself; name two groups")
