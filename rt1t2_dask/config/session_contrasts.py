"""Contrasts of sessions of the same people, as a cohort file writes them."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from rt1t2_dask.config.form import Form, OneSession, require_two


class OfSessions(Form):
    """Two sessions of the same people, first minus second."""

    sessions: tuple[OneSession, OneSession]

    @model_validator(mode="after")
    def _are_two(self) -> OfSessions:
        if self.sessions[0] == self.sessions[1]:
            raise ValueError(
                f"sessions [{', '.join(self.sessions)}] are one; name two, the later one first"
            )
        if self.session is not None:
            raise ValueError(
                f"session: {self.session} beside sessions [{', '.join(self.sessions)}]; leave out "
                "session"
            )
        return self

    @property
    def sessions_read(self) -> tuple[str, ...]:
        """Both sessions."""
        return self.sessions


class Sessions(OfSessions):
    """The change within people, of ``groups`` or of the whole cohort."""

    test: Literal["sessions"]
    groups: tuple[str, ...] = ()

    @property
    def members(self) -> tuple[str, ...]:
        """Who takes part."""
        return self.groups


class GroupBySession(OfSessions):
    """The change within people of the first group minus that of the second."""

    test: Literal["group_by_session"]
    groups: tuple[str, str]

    @model_validator(mode="after")
    def _differ(self) -> GroupBySession:
        require_two(self.groups)
        return self

    @property
    def members(self) -> tuple[str, ...]:
        """Both groups."""
        return self.groups
