"""The look into an uploaded picture before anything decodes it: kind, size, and one picture only.

By content, never by name. What a decoder is given afterwards is built anew from the parts that draw
the picture, so a bomb in a comment, a profile or a text chunk never reaches it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import StrEnum

from billing.kernel.errors import Invalid
from billing.kernel.values import Value

MOST_BYTES = 1024 * 1024
MOST_PIXELS = 4_000_000
LONGEST_SIDE = 4000
SCANS_MOST = 100
"""The most scans of a progressive JPEG: each is decoded over the whole picture."""


class Kind(StrEnum):
    """The kinds of picture that are taken, as typst names them."""

    PNG = "png"
    JPEG = "jpg"
    WEBP = "webp"


class Picture(Value):
    """A picture that may be decoded: only the parts that draw it."""

    kind: Kind
    content: bytes
    width: int
    height: int


_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_JPEG_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_JPEG_UNSEEN = frozenset({*range(0xC3, 0xD0)} - {0xC4, 0xC8, 0xCC})
_SCAN = 0xDA
_JPEG_KEPT = frozenset({*_JPEG_FRAMES, _SCAN, 0xC4, 0xDB, 0xDD})
_ADOBE = 0xEE
"""The application segment that says how a CMYK picture's colours are meant."""
_EXIF = 0xE1
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_WEBP_KEPT = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH"})


def examined(content: bytes, *, field: str = "logo") -> Picture:
    """Returns a picture that may be decoded; raises `Invalid` with what is wrong with it."""
    if not content:
        raise Invalid("image_missing", field=field)
    if len(content) > MOST_BYTES:
        raise Invalid("image_too_heavy", field=field, count=MOST_BYTES // 1024)
    try:
        found = _examined(content)
    except _Animated:
        raise Invalid("image_animated", field=field) from None
    except (struct.error, IndexError, ValueError):
        raise Invalid("image_broken", field=field) from None
    if found is None:
        raise Invalid("image_kind", field=field)
    if found.width < 1 or found.height < 1:
        raise Invalid("image_broken", field=field)
    most = max(found.width, found.height)
    if most > LONGEST_SIDE or found.width * found.height > MOST_PIXELS:
        raise Invalid(
            "image_too_large", field=field, side=LONGEST_SIDE, count=MOST_PIXELS // 1_000_000
        )
    return found


class _Animated(Exception):
    """More than one picture."""


def _examined(content: bytes) -> Picture | None:
    if content.startswith(_PNG):
        return _png(content)
    if content.startswith(b"\xff\xd8\xff"):
        return _jpeg(content)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _webp(content)
    return None


def _png(content: bytes) -> Picture:
    kept, width, height, ended = [_PNG], 0, 0, False
    for number, (name, body) in enumerate(_png_chunks(content)):
        if (name == b"IHDR") != (number == 0):
            raise ValueError("the header comes first, and once")
        if name == b"IHDR":
            width, height = struct.unpack(">II", body[:8])
        if name == b"acTL":
            raise _Animated
        if name in _PNG_KEPT:
            whole = name + body
            kept.append(struct.pack(">I", len(body)) + whole + struct.pack(">I", _crc(whole)))
        if name == b"IEND":
            ended = True
            break
    if not ended:
        raise ValueError("it ends too early")
    return Picture(Kind.PNG, b"".join(kept), width, height)


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_PNG)
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        body = content[at + 8 : at + 8 + length]
        (crc,) = struct.unpack(">I", content[at + 8 + length : at + 12 + length])
        name = content[at + 4 : at + 8]
        if len(body) != length or crc != _crc(name + body):
            raise ValueError("a chunk is not whole")
        yield name, body
        at += 12 + length


def _crc(content: bytes) -> int:
    import zlib

    return zlib.crc32(content)


def _jpeg(content: bytes) -> Picture:
    kept, turn = [b"\xff\xd8"], 0
    width = height = scans = 0
    for marker, segment in _jpeg_segments(content):
        if marker in _JPEG_FRAMES:
            if height:
                raise ValueError("two pictures")
            height, width = struct.unpack(">HH", segment[5:9])
        elif marker in _JPEG_UNSEEN:
            raise ValueError("a kind of JPEG that no browser shows")
        scans += marker == _SCAN
        if scans > SCANS_MOST or (scans and not height):
            raise ValueError("too many scans, or one of nothing")
        if marker in _JPEG_KEPT or (marker == _ADOBE and segment[4:9] == b"Adobe"):
            kept.append(segment)
        elif marker == _EXIF:
            turn = turn or _orientation(segment[4:])
    if not scans:
        raise ValueError("nothing is drawn")
    if turn:
        kept.insert(1, _turned(turn))
    return Picture(Kind.JPEG, b"".join((*kept, b"\xff\xd9")), width, height)


def _jpeg_segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yields the marker of each segment and the segment, a scan with the data behind it."""
    at = 2
    while True:
        if content[at] != 0xFF:
            raise ValueError("no marker where one is due")
        while content[at + 1] == 0xFF:
            at += 1
        marker = content[at + 1]
        if marker == 0xD9:
            return
        if marker in _STANDALONE:
            at += 2
            continue
        (length,) = struct.unpack(">H", content[at + 2 : at + 4])
        end = at + 2 + length
        if length < 2 or end > len(content):
            raise ValueError("a segment is not whole")
        if marker == _SCAN:
            end = _behind_scan(content, end)
        yield marker, content[at:end]
        at = end


def _behind_scan(content: bytes, at: int) -> int:
    """Returns where the next marker behind the drawn data is."""
    while True:
        at = content.index(b"\xff", at)
        if content[at + 1] != 0 and content[at + 1] not in _STANDALONE:
            return at
        at += 2


def _orientation(exif: bytes) -> int:
    """Returns how a camera was held, 0 where that is not said: all that is read of its notes."""
    if exif[:6] != b"Exif\0\0":
        return 0
    tiff = exif[6:]
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 0
    try:
        (start,) = struct.unpack(order + "I", tiff[4:8])
        (count,) = struct.unpack(order + "H", tiff[start : start + 2])
        for number in range(min(count, 100)):
            at = start + 2 + 12 * number
            tag, _, _, value = struct.unpack(order + "HHIH", tiff[at : at + 10])
            if tag == 0x0112:
                return int(value) if 1 < value <= 8 else 0
    except struct.error:
        return 0
    return 0


def _turned(turn: int) -> bytes:
    """Returns a segment that says nothing but how the picture is turned."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, turn, 0)
    body = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4)
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def _webp(content: bytes) -> Picture:
    (size,) = struct.unpack("<I", content[4:8])
    if size + 8 > len(content):
        raise ValueError("it ends too early")
    kept: list[bytes] = []
    width = height = 0
    at = 12
    while at + 8 <= size + 8:
        name = content[at : at + 4]
        (length,) = struct.unpack("<I", content[at + 4 : at + 8])
        body = content[at + 8 : at + 8 + length]
        if len(body) != length:
            raise ValueError("a chunk is not whole")
        if name in (b"ANIM", b"ANMF") or (name == b"VP8X" and body[0] & 0x02):
            raise _Animated
        found = _webp_size(name, body)
        if found is not None and name == b"VP8X":
            # The flags of colour profile and notes go with what they speak of.
            body = bytes([body[0] & 0x10]) + body[1:]
        if found is not None:
            width, height = max(width, found[0]), max(height, found[1])
        if name in _WEBP_KEPT:
            kept.append(name + struct.pack("<I", length) + body + b"\0" * (length % 2))
        at += 8 + length + length % 2
    inner = b"WEBP" + b"".join(kept)
    whole = b"RIFF" + struct.pack("<I", len(inner)) + inner
    return Picture(Kind.WEBP, whole, width, height)


def _webp_size(name: bytes, body: bytes) -> tuple[int, int] | None:
    if name == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if name == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if name == b"VP8 ":
        wide, high = struct.unpack("<HH", body[6:10])
        return wide & 0x3FFF, high & 0x3FFF
    return None
