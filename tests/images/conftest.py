import pytest
from known_head import KnownHead, make_head


@pytest.fixture(scope="session")
def stroke_head() -> KnownHead:
    """SIMULATED: 2 mm, a lesion of 14 mm radius."""
    return make_head(6, 2.0, lesion_radius_mm=14.0)
