"""One greedy command in a process of its own: it holds the GIL and cannot be interrupted."""

import sys


def main(arguments: list[str]) -> None:
    """Run greedy with its command-line arguments."""
    from picsl_greedy import Greedy3D

    Greedy3D().execute(" ".join(arguments))


if __name__ == "__main__":
    main(sys.argv[1:])
