"""Base of all settings."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Forbid unknown keys, so that typing errors are reported."""

    model_config = ConfigDict(extra="forbid", frozen=True)
