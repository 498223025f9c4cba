"""Things about people that no output may hold, where to plant them, and a scan that finds them."""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import json
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import pandas as pd
from nibabel.nifti1 import Nifti1Extension

NAME, FIRST = "Quackenbush", "Zebediah"
RECORD, BORN, ADDRESS = "MRN5550199", "19410203", "17 Xylophone Lane"
KEY, PASSWORD = "PLANTEDkeyOFaBUCKET77", "PLANTEDpassword88"
PLANTED = (NAME, FIRST, RECORD, BORN, ADDRESS, KEY, PASSWORD)
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "tester",
    "AWS_SECRET_ACCESS_KEY": KEY,
    "AWS_SESSION_TOKEN": f"{KEY}token",
    "RT1T2_CHAOS_SECRET": PASSWORD,
}
WORDS = f"{NAME}^{FIRST} {RECORD} {BORN} {ADDRESS}"
MARKUP = "<i>zqx</i>&zqx;"
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{60,}={0,2}")
_DEPTH = 3


def plant_in_image(path: Path) -> None:
    """Write a person's particulars where scanners and converters put them in NIfTI."""
    image = nib.load(path)
    data = image.get_fdata(dtype="float32")
    made = nib.Nifti1Image(data, image.affine)
    made.header["descrip"] = WORDS.encode()[:79]
    made.header["aux_file"] = f"{NAME}_{FIRST}".encode()[:23]
    made.header["db_name"] = RECORD.encode()
    made.header["intent_name"] = NAME.encode()
    made.header.extensions.append(Nifti1Extension("comment", WORDS.encode() * 4))
    made.to_filename(path)
    about = {"PatientName": f"{NAME}^{FIRST}", "PatientID": RECORD, "PatientBirthDate": BORN,
             "PatientAddress": ADDRESS, "InstitutionAddress": ADDRESS}  # fmt: skip
    path.with_name(path.name.replace(".nii.gz", ".json")).write_text(json.dumps(about))


def plant_in_table(path: Path, markup: bool = True) -> None:
    """Add columns that no study asks for, and text that a page must not take for its own."""
    rows = pd.read_csv(path, sep="\t", dtype=str)
    rows["surname"], rows["first_name"], rows["record"] = NAME, FIRST, RECORD
    rows["birth_date"], rows["address"] = BORN, ADDRESS
    if markup:
        rows["group"] = rows["group"] + MARKUP
        rows["site"] = [f"{'ab'[k // 2 % 2]}{MARKUP}" for k in range(len(rows))]
        rows["handedness"] = [f"{'lr'[k % 2]}{MARKUP}" for k in range(len(rows))]
    rows.to_csv(path, sep="\t", index=False)


def found_in(*places: Path, words: tuple[str, ...] = PLANTED) -> list[str]:
    """Name every file below these places that holds something planted, in plain or packed."""
    wanted = [word.encode() for word in words]
    found = []
    for place in places:
        for path in sorted(place.rglob("*")):
            names = [word for word in words if word in path.name]
            if path.is_file() and not path.is_symlink():
                content = path.read_bytes()
                names += [w.decode() for w in wanted if _holds(content, w)]
            if names:
                found.append(f"{path}: {', '.join(sorted(set(names)))}")
    return found


def _holds(content: bytes, word: bytes) -> bool:
    forms = {word, word.upper(), word.decode().encode("utf-16-le")}
    return any(form in piece for piece in unpacked(content) for form in forms)


def unpacked(content: bytes, depth: int = _DEPTH) -> Iterator[bytes]:
    """Return a file's bytes, and what its gzip, zip and base64 hold."""
    yield content
    if depth == 0:
        return
    for inner in (*_gzip(content), *_zip(content), *_base64(content)):
        yield from unpacked(inner, depth - 1)


def _gzip(content: bytes) -> list[bytes]:
    if content[:2] != b"\x1f\x8b":
        return []
    try:
        return [gzip.decompress(content)]
    except (OSError, EOFError, zlib.error):
        return []


def _zip(content: bytes) -> list[bytes]:
    if content[:4] != b"PK\x03\x04":
        return []
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [archive.read(name) for name in archive.namelist()]


def _base64(content: bytes) -> list[bytes]:
    found = []
    for run in _BASE64.findall(content):
        try:
            found.append(base64.b64decode(run[: len(run) // 4 * 4]))
        except binascii.Error:
            continue
    return found


def too_open(umask: int, *places: Path) -> list[str]:
    """Name every file and folder that others may do more with than the umask allows."""
    return [
        str(path)
        for place in places
        for path in place.rglob("*")
        if not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) & umask
    ]


def raw_markup(*places: Path) -> list[str]:
    """Name every page and text of words that holds planted markup unescaped."""
    ends = (".html", ".md", ".svg")
    return [
        str(path)
        for place in places
        for path in sorted(place.rglob("*"))
        if path.suffix in ends and b"<i>zqx" in path.read_bytes()
    ]
