"""Figures are slow to draw: once for all tests of the report."""

from __future__ import annotations

import pytest
from fake_report import fake_content

from rt1t2_dask.report.figures.catalogue import draw_all
from rt1t2_dask.report.figures.picture import Picture


@pytest.fixture(scope="session")
def pictures() -> dict[str, Picture]:
    """All figures of the fake simulated report."""
    return draw_all(fake_content(simulated=True))
