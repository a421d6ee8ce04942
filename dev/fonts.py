"""Makes the fonts that invoices take what Libertinus lacks from, out of Noto's published files.

    apt-get download fonts-noto-cjk fonts-noto-core    # then: dpkg-deb -x <each> SOURCES
    npm pack @expo-google-fonts/noto-emoji@0.4.7       # then: tar -xzf <it> -C SOURCES
    python -m dev.fonts SOURCES

Writes `layers/common/billing/render/fonts`: the regular weight of each, every character, without
hinting, and Chinese, Japanese and Korean in one font without its second forms (docs/decisions).
Equal sources and an equal fontTools (requirements/dev.txt) make equal bytes: a source that is not
the one in SOURCES_SHA256 is refused. Takes a few minutes.
"""

from __future__ import annotations

import sys
from hashlib import sha256
from pathlib import Path

from fontTools import subset  # type: ignore[import-untyped]

FONTS = Path(__file__).parent.parent / "layers" / "common" / "billing" / "render" / "fonts"
CJK = "NotoSansCJK-Regular.ttc"
CJK_SIMPLIFIED_CHINESE = 2
"""The font in that collection whose forms of shared characters are those of mainland China."""

COMPOSING = ["ccmp", "ljmo", "vjmo", "tjmo"]
"""Layout features that compose Korean syllables; all others of that font give other forms."""

SOURCES_SHA256 = {
    "NotoSansCJK-Regular.ttc": ("b76b0433203017ca80401b2ee0dd69350349871c4b19d504c34dbdd80541690a"),
    "NotoSans-Regular.ttf": ("89c3c497f618fdaa0b2d1e98fef93582f28c71debd2c4a8cdf41f190ced2909d"),
    "NotoSansHebrew-Regular.ttf": (
        "436900d5ad77d33e4234247f3076eaecd25b92b9bea0519514f684140e3566a7"
    ),
    "NotoSansArabic-Regular.ttf": (
        "504d7407d86875acf7d04dfaa0fd7524d0b8797723bc4aa18022f29db25b0b6e"
    ),
    "NotoSansDevanagari-Regular.ttf": (
        "79a470365ccb210fa3c7d8d8ff2e005ef9d983cfd067f735a0caf7e15070ca9f"
    ),
    "NotoSansThai-Regular.ttf": (
        "dfbd5ed0f1e68c3cbc51aa08f646d1ab0e68e7c4ceab70a69e465225ff701f93"
    ),
    "NotoSansBengali-Regular.ttf": (
        "9bb35b3547829ecc42041b6017e87fd4c5f1da1edcd00f59171777050f346018"
    ),
    "NotoSansGurmukhi-Regular.ttf": (
        "1db960ff6f506a98f5b3ece78f54618388c6187e7edf8ceee5ab63389c0db3ab"
    ),
    "NotoSansGujarati-Regular.ttf": (
        "4468a3a24516831874fb4a867b760a22257944584e478d32a97e3c4d4bfc6400"
    ),
    "NotoSansOriya-Regular.ttf": (
        "20751837a8cac9d0e610ffdf91c43d3391e2b267ca2cad07f6e3866798436369"
    ),
    "NotoSansTamil-Regular.ttf": (
        "a7bb7f92f165479af2f0556c4fd669b74c5959f464f603e18389b532f4d07a71"
    ),
    "NotoSansTelugu-Regular.ttf": (
        "cb3165071121b1e80c55a041d0c1f79b3bbc68e4b0eab37b0d881958dfc3ed7a"
    ),
    "NotoSansKannada-Regular.ttf": (
        "892b841b0b87ca3c2702bdc78d3031c8220f53e8f5f496ec5e37ccf0ca03ddf7"
    ),
    "NotoSansMalayalam-Regular.ttf": (
        "5433f4a642b4325aa169a55c4c6b8d1c4a45c4e08bcd9cbe72888229709a8f2d"
    ),
    "NotoSansSinhala-Regular.ttf": (
        "31f83eec724a27779d1434afc84beabee239c0ff77dc8d04bee9f49c60b23fdd"
    ),
    "NotoSansLao-Regular.ttf": ("6c3de7db369e85cba20255d161eeeb3d934ea3c4c51e2574c2ddcce79a25025c"),
    "NotoSansKhmer-Regular.ttf": (
        "bc9a5e2afcee249849e409aabe6e22330c479b878ea3e59bf5e7c84482d7ee53"
    ),
    "NotoSansMyanmar-Regular.ttf": (
        "3fe9a4babc12081adc979e0313433e6ec85bb3ad069681c23ee8d8ea8b91332b"
    ),
    "NotoSansArmenian-Regular.ttf": (
        "9636c32c121f4fc1fc6963dfad60ea32c41889507118a46f83a818eacf40348e"
    ),
    "NotoSansGeorgian-Regular.ttf": (
        "ba75f2154fef9beac8439f94c631dc37ef9c708d32f9254bb019afdfa9aa3138"
    ),
    "NotoSansEthiopic-Regular.ttf": (
        "58bc43b062961b38ee45757d2e74e6a991a12011aa0399fb03004ac432e5c852"
    ),
    "NotoSerifTibetan-Regular.ttf": (
        "5893c1e0aefb250bcbeff5c0f8ee4bb27cd3dc19b47d14954b154b094e10ee63"
    ),
    "NotoSansMongolian-Regular.ttf": (
        "601afb9f08fbbc39f0cf72cb7e11079ada6fa3feed1fadca8e6e5095e7957687"
    ),
    "NotoSansThaana-Regular.ttf": (
        "241b4be4717d495a72cf7eb8e69891e63a6eb1cc18d98fa357f5af7f58c02446"
    ),
    "NotoSansCherokee-Regular.ttf": (
        "bda37783ba22f62d71a647f5ddce6f8e4b4d6959eba3afd5a7eccbcaaa85f72c"
    ),
    "NotoSansSymbols-Regular.ttf": (
        "24b615ceb7d50a2c09060664ca9e24a160c9beb6bfca0563e8359369a4bc0993"
    ),
    "NotoSansSymbols2-Regular.ttf": (
        "876598db5f1e3bef2bc77c4d94c5b0d5d2c1620be4878a06f18fb5434e331688"
    ),
    "NotoEmoji_400Regular.ttf": (
        "24aaa2a20c9c06ffe9bf04284bfd1f14376a329d10122f902abe2770817eb504"
    ),
}


def main(sources: Path) -> None:
    """Writes each font from the source of its name, wherever it is below `sources`."""
    FONTS.mkdir(exist_ok=True)
    for name, expected in SOURCES_SHA256.items():
        source = next(sources.rglob(name))
        found = sha256(source.read_bytes()).hexdigest()
        assert found == expected, f"{name} is another version: {found}"
        made = FONTS / f"{source.stem.partition('-')[0].partition('_')[0]}.{_ending(name)}"
        _write(source, made)
        print(f"{made.name} {made.stat().st_size:,}")


def _ending(name: str) -> str:
    return "otf" if name == CJK else "ttf"


def _write(source: Path, made: Path) -> None:
    options = subset.Options()
    options.hinting = False
    options.notdef_outline = True
    options.layout_features = ["*"]
    if source.name == CJK:
        options.font_number = CJK_SIMPLIFIED_CHINESE
        options.layout_features = COMPOSING
        options.drop_tables += ["BASE", "VORG", "vhea", "vmtx"]
    font = subset.load_font(source, options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=list(font.getBestCmap()))
    subsetter.subset(font)
    subset.save_font(font, made, options)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
