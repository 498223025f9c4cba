import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline

from rt1t2_dask.images.volume import Grid
from rt1t2_dask.simulate.lattice import SmoothField, random_field


def a_grid(step: float = 3.0) -> Grid:
    affine = np.diag([step, step, step, 1.0])
    affine[:3, 3] = (-20.0, -31.0, 5.5)
    return Grid((13, 17, 11), affine)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), spacing=st.floats(5, 40))
def test_grid_and_points_agree(seed: int, spacing: float) -> None:
    grid = a_grid()
    field = random_field(
        np.random.default_rng(seed), grid, spacing_mm=spacing, sd=2.0, components=2
    )
    at_points = field.at(grid.world().astype(np.float64).reshape(-1, 3))
    on_grid = np.moveaxis(field.on_grid(grid), 0, -1).reshape(-1, 2)
    np.testing.assert_allclose(on_grid, at_points, atol=1e-4)


def test_one_coefficient_is_scipys_cubic_bspline() -> None:
    coefficients = np.zeros((1, 9, 9, 9))
    coefficients[0, 4, 4, 4] = 1.0
    field = SmoothField(coefficients, np.zeros(3), 10.0)
    x = np.linspace(15.0, 65.0, 41)
    points = np.column_stack([x, np.full_like(x, 43.0), np.full_like(x, 38.0)])
    spline = BSpline.basis_element(np.arange(-2.0, 3.0), extrapolate=False)
    expected = np.prod(np.nan_to_num(spline(points / 10 - 4)), axis=1)
    np.testing.assert_allclose(field.at(points)[:, 0], expected, atol=1e-12)


def test_standard_deviation_is_the_one_asked_for() -> None:
    grid = Grid((60, 60, 60), np.diag([4.0, 4.0, 4.0, 1.0]))
    field = random_field(np.random.default_rng(3), grid, spacing_mm=9.0, sd=2.5)
    # About 27 cubed cells: the sample's sd has a relative error near 1 %.
    assert field.on_grid(grid).std() == pytest.approx(2.5, rel=0.05)


def test_rotated_grid_is_refused() -> None:
    affine = np.eye(4)
    affine[:2, :2] = [[0.0, 1.0], [-1.0, 0.0]]
    field = random_field(np.random.default_rng(0), a_grid(), spacing_mm=9.0, sd=1.0)
    with pytest.raises(ValueError, match="axis-aligned"):
        field.on_grid(Grid((4, 4, 4), affine))
