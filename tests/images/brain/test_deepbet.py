"""deepbet, where it is installed, on a SIMULATED head; elsewhere what it says."""

from importlib.util import find_spec

import numpy as np
import pytest
from known_head import make_head

from rt1t2_dask.errors import SubjectError, UserError
from rt1t2_dask.images.brain import deepbet

needs_deepbet = pytest.mark.skipif(find_spec("deepbet") is None, reason="deepbet is not installed")


@needs_deepbet
def test_it_finds_the_brain_alike_each_time():
    head = make_head(3, 2.0)
    found = deepbet.extract(head.t1w)
    assert found[head.white.data].mean() > 0.95
    assert found.mean() < 0.5
    np.testing.assert_array_equal(found, deepbet.extract(head.t1w))


@pytest.mark.skipif(find_spec("deepbet") is not None, reason="deepbet is installed")
def test_without_the_package_one_line_says_what_to_install():
    with pytest.raises(UserError, match=r"rt1t2-dask\[deepbet\].*brain.method=template"):
        deepbet.installed_version()


@pytest.mark.skipif(find_spec("deepbet") is not None, reason="deepbet is installed")
def test_its_failure_is_one_persons():
    with pytest.raises(SubjectError, match="deepbet failed: ModuleNotFoundError"):
        deepbet.extract(make_head(3, 4.0).t1w)
