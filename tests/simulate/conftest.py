from importlib.resources import files

import pytest

from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.simulate.head import HeadModel, build_head


def icbm(name: str) -> Volume:
    path = f"mni_icbm152_{name}_tal_nlin_sym_09a_converted.nii.gz"
    return from_bytes(files("nilearn").joinpath("datasets", "data", path).read_bytes(), name)


@pytest.fixture(scope="session")
def head() -> HeadModel:
    return build_head(icbm("t1"), icbm("gm"), icbm("wm"))
