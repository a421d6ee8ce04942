"""Takes out of a built layer what no function reads, to stay far below Lambda's limit.

    python3.13 dev/slim.py <build>/CommonLayer/python

Three packages bring most of the layer: botocore describes 400 services, Babel 1,000 locales, and
typst keeps the names of its own functions for a debugger. What is left can be loaded as before.
"""

from __future__ import annotations

import shutil
import struct
import sys
from pathlib import Path

SERVICES = frozenset({"dynamodb", "lambda", "s3", "sesv2", "sqs", "ssm", "sts"})
"""The AWS services that functions call, and the one that gives credentials."""

LOCALES = frozenset(
    {"bg", "da", "de", "en", "es", "fi", "fr", "it", "nb", "nl", "no", "pl", "pt", "ro", "root"}
    | {"sk", "sv"}
)
"""CLDR's locales of the fifteen languages (C-5), and those they inherit from."""


def main(layer: Path) -> None:
    """Slims the layer whose packages are in that folder."""
    services(layer / "botocore" / "data")
    locales(layer / "babel" / "locale-data")
    for library in (layer / "typst").glob("*.so"):
        without_symbol_names(library)


def services(data: Path) -> None:
    """Removes the descriptions of services that no function calls."""
    for folder in [path for path in data.iterdir() if path.is_dir()]:
        if folder.name not in SERVICES:
            shutil.rmtree(folder)


def locales(data: Path) -> None:
    """Removes the locales of languages that are not ours, and all regional ones."""
    for path in data.glob("*.dat"):
        if path.stem not in LOCALES:
            path.unlink()


def without_symbol_names(library: Path) -> None:
    """Cuts off a 64-bit ELF library what is behind its last loaded segment, as `strip` does.

    Only a debugger reads sections; a loader reads segments. Debian's `strip` knows no other
    processor than its own, and the layer's is another.
    """
    content = bytearray(library.read_bytes())
    assert content[:6] == b"\x7fELF\x02\x01", f"{library.name} is no little-endian 64-bit ELF file"
    segments_at = struct.unpack_from("<Q", content, 32)[0]
    size, count = struct.unpack_from("<HH", content, 54)
    end = max(
        sum(struct.unpack_from("<8xQ16xQ", content, segments_at + nth * size))
        for nth in range(count)
    )
    struct.pack_into("<Q", content, 40, 0)  # where the table of sections is
    struct.pack_into("<HH", content, 60, 0, 0)  # their number, and which one has their names
    library.write_bytes(content[:end])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
