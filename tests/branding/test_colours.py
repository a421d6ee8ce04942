"""An accent colour can be read, and one that cannot is answered with one that can (M-11)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.branding import colours
from billing.kernel.errors import Invalid
from tests.depth import examples

HEX = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@pytest.mark.spec("M-11")
def test_contrast_is_that_of_wcag() -> None:
    assert colours.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert colours.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert colours.contrast("#0b6b5c", "#0b6b5c") == 1


@pytest.mark.spec("M-11")
@pytest.mark.parametrize(
    ("typed", "colour"), [("#0B6B5C", "#0b6b5c"), (" 1a3 ", "#11aa33"), ("#07c", "#0077cc")]
)
def test_a_colour_is_read_as_people_write_it(typed: str, colour: str) -> None:
    assert colours.parsed(typed) == colour


@pytest.mark.spec("M-11")
@pytest.mark.parametrize(
    "typed", ["red", "#12345", "#1234567", "rgb(0,0,0)", "#0b6b5c;}", "url(x)", "#١٢٣456", "#"]
)
def test_what_is_no_colour_is_refused(typed: str) -> None:
    with pytest.raises(Invalid, match="colour_malformed"):
        colours.checked(typed)


@pytest.mark.spec("M-11")
def test_a_colour_that_cannot_be_read_is_answered_with_the_nearest_that_can() -> None:
    with pytest.raises(Invalid) as refused:
        colours.checked("#ffcc00")
    assert refused.value.reason == "colour_contrast"
    assert refused.value.parameters == {"ratio": "1.4", "nearest": "#8a6e00"}
    assert colours.checked("#8a6e00") == "#8a6e00"


@pytest.mark.spec("M-11")
@settings(max_examples=examples(200), deadline=None)
@given(HEX)
def test_the_nearest_colour_passes_and_all_of_its_palette_can_be_read(colour: str) -> None:
    accent = colours.nearest(colour)
    assert colours.passes(accent)
    if colours.passes(colour):
        assert accent == colour
    light, dark = colours.palette(accent)
    for palette, grounds in ((light, colours.LIGHT), (dark, colours.DARK)):
        for ground in (*grounds, palette.tint):
            assert colours.contrast(palette.accent, ground) >= 4.5
        for ground in (palette.accent, palette.deep):
            assert colours.contrast(palette.on_accent, ground) >= 4.5
        assert min(colours.contrast(palette.deep, ground) for ground in grounds) >= 4.5
