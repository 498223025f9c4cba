"""The main job from scans with input, lake and output in buckets: same bits, how much traffic.

python tests/storage/bucket_scans.py FOLDER [--people 4] [--voxel-mm 4] [--workers 2]

Runs a simulated study on local disk and again in buckets of a real S3 server on loopback, behind
a relay that counts, then compares every part and every result. Prints readable lines, JSON last.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from bad_network import Trouble, relayed
from conftest import served
from test_bucket_study import BUCKETS, in_buckets, results, sealed

from rt1t2_dask.cli.command_line import command
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.stores import open_store

NAME_PLACES = {"README.md", "dataset_description.json"}
REGION = "us-east-1"
KEYS = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "s3cr3t-of-this-worker"}


def study(folder: Path, people: int, voxel_mm: float) -> list[str]:
    """Words of a local study from scans."""
    patients = people // 2
    counts = {"PSP": patients, "HC": people - patients}
    return [
        "+cohort=psp",
        f"source.voxel_mm={voxel_mm:g}",
        *(f"source.groups.{group}.n={n}" for group, n in counts.items()),
        *(f"source.groups.{group}.n_male={n // 2}" for group, n in counts.items()),
        *("permute.n=20", "receptors.n_permutations=20", "report.mosaics=1"),
        "report.figures=false",
        f"source.root={folder / 'simulated'}",
        f"storage.url={folder / 'lake'}",
        f"output_dir={folder / 'out'}",
    ]


@contextmanager
def buckets() -> Iterator[tuple[str, Trouble]]:
    """Three empty buckets behind a relay that counts; its URL and what it saw."""
    os.environ.update(KEYS)
    with served() as server, relayed(server, share=0.0) as relay:
        client = boto3.client("s3", endpoint_url=server, region_name=REGION)
        for name in BUCKETS:
            client.create_bucket(Bucket=name)
        yield relay


def compare(folder: Path, url: str) -> tuple[int, int, int]:
    """Compare all parts and results with the local ones; counts parts, objects and bytes."""
    options = {"endpoint": url, "region": REGION}
    ours = Lake(f"s3://{BUCKETS[1]}/x", options)
    local, remote = sealed(Lake(str(folder / "lake"))), sealed(ours)
    assert remote == local, f"parts differ: {set(remote) ^ set(local)}"
    assert not list(ours.store.list("claims"))
    written = results(open_store(f"s3://{BUCKETS[2]}/x", options))
    expected = results(open_store(str(folder / "out")))
    names = (written.keys() | expected.keys()) - NAME_PLACES
    differing = sorted(name for name in names if written.get(name) != expected.get(name))
    assert not differing, f"results differ: {differing}"
    entries = list(ours.store.entries("parts"))
    return len(local), len(entries), sum(entry.size for entry in entries)


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("folder", type=Path)
    asked.add_argument("--people", type=int, default=4)
    asked.add_argument("--voxel-mm", type=float, default=4)
    asked.add_argument("--workers", type=int, default=2)
    args = asked.parse_args()
    folder, people = args.folder.absolute(), args.people
    words = study(folder, people, args.voxel_mm)
    cluster = ["cluster=local", f"cluster.workers={args.workers}"]
    assert command([*words, "cluster=synchronous"]) == 0
    files = {path.relative_to(folder) for path in folder.rglob("*")}
    with buckets() as (url, trouble):
        assert command([*in_buckets(words, url), *cluster]) == 0
        requests, moved = Counter(trouble.requests), trouble.bytes
        assert {path.relative_to(folder) for path in folder.rglob("*")} == files
        sys.stdout.write(f"{requests.total()} requests: {dict(requests)}, {moved / 1e6:.1f} MB\n")
        sys.stdout.flush()
        parts, objects, size = compare(folder, url)
    total = requests.total()
    sys.stdout.write(
        f"{people} people at {args.voxel_mm:g} mm in buckets: {parts} parts and all results equal "
        f"the local ones\n{total / people:.0f} requests a person ({dict(requests)}), "
        f"{total / parts:.0f} a part; {moved / people / 1e6:.1f} MB moved a person\n"
        f"lake: {objects / people:.0f} objects and {size / people / 1e6:.2f} MB a person\n"
    )
    figures = {
        "bucket_requests_per_person": total / people,
        "bucket_requests": dict(requests),
        "bucket_bytes_per_person": moved / people,
        "lake_objects_per_person": objects / people,
        "lake_bytes_per_person": size / people,
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
