import pytest

from rt1t2_dask.pipelines.people.simulated import template_head
from rt1t2_dask.simulate.head import HeadModel


@pytest.fixture(scope="session")
def head() -> HeadModel:
    return template_head()
