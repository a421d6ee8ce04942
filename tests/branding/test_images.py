"""A logo is looked into before it is decoded, and drawn anew by ourselves (M-11)."""

from __future__ import annotations

import random
import struct
import zlib

import pytest

from billing.branding import images
from billing.branding.flows import changes
from billing.kernel.errors import Invalid
from tests.branding.pictures import (
    from_a_phone,
    moving,
    opened,
    picture,
    saved,
    with_chunk,
)
from tests.depth import examples


def reason(content: bytes) -> str:
    with pytest.raises(Invalid) as refused:
        changes.drawn(content)
    assert refused.value.field == "logo"
    return refused.value.reason


def chunks(png: bytes) -> list[bytes]:
    at, found = 8, []
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        found.append(png[at + 4 : at + 8])
        at += 12 + length
    return found


@pytest.mark.spec("M-11")
@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("PNG", "RGB"),
        ("PNG", "RGBA"),
        ("PNG", "1"),
        ("JPEG", "RGB"),
        ("JPEG", "CMYK"),
        ("WEBP", "RGB"),
        ("WEBP", "RGBA"),
    ],
)
def test_a_picture_becomes_a_png_of_its_own_shape(kind: str, mode: str) -> None:
    png, logo = changes.drawn(picture(kind, mode))
    assert (logo.width, logo.height) == (400, 120) == opened(png).size
    assert set(chunks(png)) == {b"IHDR", b"IDAT", b"IEND"}
    assert changes.drawn(picture(kind, mode))[0] == png, "equal input gives equal bytes"


@pytest.mark.spec("M-11")
def test_a_large_picture_is_drawn_smaller_and_a_small_one_as_it_is() -> None:
    assert changes.drawn(picture(size=(2000, 1000)))[1].height == 180
    assert changes.drawn(picture(size=(4000, 100)))[1].width == 600
    assert changes.drawn(picture(size=(30, 20)))[1].width == 30
    _, thin = changes.drawn(picture(size=(4000, 2)))
    assert (thin.width, thin.height) == (600, 1)


@pytest.mark.spec("M-11")
def test_nothing_of_a_photo_survives_but_the_picture_as_it_was_held() -> None:
    content = from_a_phone()
    assert b"SecretPhone" in content and b"SecretComment" in content
    png, logo = changes.drawn(content)
    assert (logo.width, logo.height) == (90, 180), "turned upright"
    assert b"Secret" not in png and not opened(png).getexif()
    seen = images.examined(content).content
    assert b"Secret" not in seen and b"\x88\x25" not in seen and b"\x25\x88" not in seen


@pytest.mark.spec("M-11")
@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "image_missing"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "image_kind"),
        (b"<?xml version='1.0'?><svg/>", "image_kind"),
        (b"GIF89a" + bytes(100), "image_kind"),
        (b"%PDF-1.7", "image_kind"),
        (b"\x89PNG\r\n\x1a\n" + bytes(10_000_000), "image_too_heavy"),
        (b"\x89PNG\r\n\x1a\n", "image_broken"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "image_broken"),
        (b"\xff\xd8\xff", "image_broken"),
        (b"\xff\xd8\xff\xd9", "image_broken"),
        (b"RIFF\x04\x00\x00\x00WEBP", "image_broken"),
        (b"RIFF\xff\xff\xff\xffWEBPVP8 ", "image_broken"),
    ],
)
def test_what_is_no_picture_is_refused_in_words(content: bytes, wrong: str) -> None:
    assert reason(content) == wrong


@pytest.mark.spec("M-11")
def test_what_moves_is_refused() -> None:
    assert reason(moving("PNG")) == "image_animated"
    assert reason(moving("WEBP")) == "image_animated"


@pytest.mark.spec("M-11")
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    huge = picture(mode="1", size=(30_000, 30_000))
    assert len(huge) < images.MOST_BYTES
    assert reason(huge) == "image_too_large"
    assert reason(picture("JPEG", size=(4001, 1))) == "image_too_large"
    assert reason(picture("WEBP", size=(2100, 2000))) == "image_too_large"


@pytest.mark.spec("M-11")
def test_a_picture_that_lies_about_its_size_draws_nothing_large() -> None:
    """The header says one pixel, the data is of 900 million."""
    huge = picture(mode="1", size=(30_000, 30_000))
    body = b"IHDR" + struct.pack(">II", 1, 1) + huge[24:29]
    small = huge[:12] + body + struct.pack(">I", zlib.crc32(body)) + huge[33:]
    png, _ = changes.drawn(small)
    assert opened(png).size == (1, 1)


@pytest.mark.spec("M-11")
@pytest.mark.parametrize("name", [b"zTXt", b"iTXt", b"iCCP", b"tEXt", b"eXIf"])
def test_a_bomb_beside_the_picture_never_reaches_a_decoder(name: bytes) -> None:
    bomb = b"Profile\0\0" + zlib.compress(bytes(20_000_000), 9)
    content = with_chunk(name, bomb)
    assert name not in images.examined(content).content
    assert changes.drawn(content) == changes.drawn(picture())


@pytest.mark.spec("M-11")
def test_what_stands_behind_a_picture_is_gone() -> None:
    script = b"<script>alert(document.cookie)</script>"
    for kind in ("PNG", "JPEG", "WEBP"):
        png, _ = changes.drawn(picture(kind) + script + b"PK\x03\x04")
        assert b"script" not in png and b"PK" not in png
        assert script not in images.examined(picture(kind) + script).content


@pytest.mark.spec("M-11")
def test_a_jpeg_of_endless_scans_is_refused() -> None:
    content = saved(opened(picture()), "JPEG", progressive=True)
    start = content.index(b"\xff\xda")
    scan = content[start : content.index(b"\xff", start + 14)]
    assert reason(content[:start] + scan * 200 + b"\xff\xd9") == "image_broken"


@pytest.mark.spec("M-11")
def test_a_damaged_picture_is_drawn_or_refused_and_nothing_else() -> None:
    draw = random.Random(7)
    whole = [picture(kind, mode) for kind, mode in (("PNG", "RGBA"), ("JPEG", "RGB"))]
    whole += [picture("WEBP", "RGBA"), from_a_phone()]
    for number in range(examples(200)):
        content = bytearray(whole[number % len(whole)])
        for _ in range(1 + draw.randrange(4)):
            content[draw.randrange(len(content))] = draw.randrange(256)
        del content[draw.randrange(len(content) // 2, len(content) * 2) :]
        try:
            png, _ = changes.drawn(bytes(content))
        except Invalid:
            continue
        assert set(chunks(png)) == {b"IHDR", b"IDAT", b"IEND"}
