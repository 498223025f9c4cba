"""Package folders that lie beside ``rt1t2_dask``: everything else is in ``pyproject.toml``.

A checkout links them into the package. Where a system has no symbolic links git writes text
files in their place, so that setuptools is told of the folders and follows no link.
"""

from setuptools import find_packages, setup

BESIDE = ("conf", "pipelines", "storage")
FOLDERS = {f"rt1t2_dask.{name}": name for name in BESIDE}


def _packages() -> list[str]:
    linked = [pattern for name in FOLDERS for pattern in (name, f"{name}.*")]
    inside = find_packages(include=["rt1t2_dask", "rt1t2_dask.*"], exclude=linked)
    beside = find_packages(include=[p for name in BESIDE for p in (name, f"{name}.*")])
    return [*inside, *(f"rt1t2_dask.{name}" for name in beside)]


setup(packages=_packages(), package_dir=FOLDERS)
