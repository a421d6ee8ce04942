"""Pictures as merchants upload them, good and bad."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image

RED = (200, 30, 60)


def picture(kind: str = "PNG", mode: str = "RGB", size: tuple[int, int] = (400, 120)) -> bytes:
    """A picture of one colour."""
    colour: Any = {"RGB": RED, "RGBA": (*RED, 128), "CMYK": (10, 200, 30, 5), "1": 0}[mode]
    return saved(Image.new(mode, size, colour), kind)


def saved(image: Image.Image, kind: str, **more: Any) -> bytes:
    into = io.BytesIO()
    image.save(into, kind, **more)
    return into.getvalue()


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def moving(kind: str) -> bytes:
    first, second = Image.new("RGB", (20, 20), "red"), Image.new("RGB", (20, 20), "blue")
    return saved(first, kind, save_all=True, append_images=[second])


def from_a_phone() -> bytes:
    """A JPEG that was held upright and says where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "SecretPhone"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.5)
    return saved(Image.new("RGB", (400, 200), RED), "JPEG", exif=exif, comment=b"SecretComment")


def with_chunk(name: bytes, body: bytes) -> bytes:
    """A PNG with one more chunk behind its header."""
    content, end = picture(), 8 + 25
    whole = name + body
    chunk = struct.pack(">I", len(body)) + whole + struct.pack(">I", zlib.crc32(whole))
    return content[:end] + chunk + content[end:]


def multipart(boundary: str, fields: dict[str, str], name: str, file: str, content: bytes) -> bytes:
    """The body of a form with a file, as a browser sends it."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{file}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return b"".join([*parts, head.encode(), content, f"\r\n--{boundary}--\r\n".encode()])
