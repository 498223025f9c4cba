"""Run a study: ``python -m rt1t2_dask +cohort=psp``."""

from __future__ import annotations

import sys

from rt1t2_dask.cli.command_line import command


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(command(sys.argv[1:]))


if __name__ == "__main__":
    main()
