"""Names and products in any script on an invoice: every character has a glyph (B-5)."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from pypdf import PdfReader
from pypdf.generic import ByteStringObject, ContentStream, TextStringObject
from typst import Fonts

from billing.kernel.customers import Address, BillTo
from billing.kernel.invoices import InvoiceLine
from billing.kernel.values import replace
from billing.render import invoice_pdf
from dev.fonts import FONTS, SOURCES_SHA256
from tests.render.samples import INVOICE, usd
from tests.render.test_invoice_pdf import pdf_of

pytestmark = pytest.mark.typeset

SAMPLES = {
    "Bulgarian": "Жълтата дюля беше щастлива, Ѝ",
    "Danish": "Quizdeltagerne spiste jordbær med fløde, Åse Æbelø",
    "Dutch": "Één IJsland, coëfficiënt, ĳ",
    "English": "Café “naïve” — £5 … ½ ™",
    "Finnish": "Törkylempijävongahdus, Åland, Žižek",
    "French": "Cœur d’Aÿ, L’Haÿ-les-Roses, Ça Ê Ï Ù",
    "German": "Übergröße, Straße, STRASSE ẞ „so“",
    "Italian": "Città è perché più",
    "Norwegian": "Blåbærsyltetøy, Ærfugl",
    "Polish": "Zażółć gęślą jaźń ŁÓDŹ",
    "Portuguese": "Ação, Conceição, Õ",
    "Romanian": "Ștefan Țepeș și Şerban Ţîrgu",
    "Slovak": "Kŕdeľ ďatľov, ôsmy ĺ ŕ",
    "Spanish": "¿Ñandú? ¡Pingüino!",
    "Swedish": "Flygande bäckasiner, Åström",
    "Vietnamese": "Nguyễn Thị Ngọc Ánh, Đặng Ử",
    "Turkish": "İstanbul, Şükrü Işık, Doğan",
    "Greek": "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία, ὀρθός",
    "Ukrainian": "Ґалаґан Їжак, Є, ’",
    "Simplified Chinese": "北京市海淀区中关村大街,王小明,镕喆",
    "Traditional Chinese": "臺北市信義區,陳怡君,鬱龜",
    "Rare Chinese": "㛃㐂𠮷𡃁",
    "Japanese": "東京都千代田区、山田太郎さん、カタカナ・ガギグ、髙﨑、㈱、ハンカク",
    "Korean": "서울특별시 강남구, 김철수, 똠방각하 뷁",
    "Thai": "กรุงเทพมหานคร นางสาวน้ำผึ้ง ๑๒๓",
    "Hebrew": "תל אביב, משה כהן, שָׁלוֹם ₪",
    "Arabic": "القاهرة، محمد عبد الله، لا، ١٢٣",
    "Persian and Urdu": "تهران، گچ پژ، لاہور ٹھیک ۱۲۳ ﷼",
    "Devanagari": "नई दिल्ली, श्रीमती ज्ञानेश्वरी, क्षत्रिय ₹",
    "Bengali": "ঢাকা, শ্রীমতী, ৳",
    "Gurmukhi": "ਅੰਮ੍ਰਿਤਸਰ",
    "Gujarati": "અમદાવાદ, શ્રી",
    "Odia": "ଭୁବନେଶ୍ୱର",
    "Tamil": "சென்னை, ஸ்ரீ",
    "Telugu": "హైదరాబాద్, శ్రీ",
    "Kannada": "ಬೆಂಗಳೂರು, ಶ್ರೀ",
    "Malayalam": "തിരുവനന്തപുരം, ശ്രീ",
    "Sinhala": "කොළඹ, ශ්‍රී",
    "Lao": "ວຽງຈັນ",
    "Khmer": "ភ្នំពេញ ស្រី",
    "Burmese": "ရန်ကုန်မြို့",
    "Armenian": "Երևան",
    "Georgian": "თბილისი ᲗᲑᲘᲚᲘᲡᲘ",
    "Amharic": "አዲስ አበባ",
    "Tibetan": "ལྷ་ས།",
    "Mongolian": "ᠮᠣᠩᠭᠣᠯ",
    "Dhivehi": "މާލެ",
    "Emoji": "🧘 Yoga ❤️ 🇯🇵 👩🏽‍💻 👨‍👩‍👧‍👦 1️⃣ 🎉 ☕ ✨ 🥹",
    "Symbols": "→ ★ ✓ ♥ ♪ № ℃ ∞ ≠ ① ● ■",
    "Currencies": "€ £ ¥ ₩ ₹ ₽ ₺ ₫ ฿ ₴ ₦ ₿",
    "Full width": "\uff21\uff22\uff11\uff12\uff01 \uff8a\uff9d\uff76\uff78",
}


def missing_glyphs(pdf: bytes) -> int:
    """Counts the characters that are set as the box that stands for a missing glyph."""
    return sum(
        text[at : at + 2] == b"\0\0"
        for page in PdfReader(BytesIO(pdf)).pages
        for operands, operator in ContentStream(page.get_contents(), page.pdf).operations
        if operator in (b"Tj", b"TJ")
        for text in _strings(operands[0])
        for at in range(0, len(text), 2)
    )


def _strings(shown: object) -> list[bytes]:
    pieces = shown if isinstance(shown, list) else [shown]
    return [
        piece.original_bytes
        for piece in pieces
        if isinstance(piece, TextStringObject | ByteStringObject)
    ]


def invoice_naming(words: str) -> bytes:
    """Renders an invoice that has `words` as product, buyer and address."""
    return pdf_of(
        replace(
            INVOICE,
            product_name=words,
            lines=(InvoiceLine("charge", words, usd(100)),),
            bill_to=BillTo(words, "ada@example.com", Address(words, words, "JP")),
        )
    )


@pytest.mark.spec("B-5")
@pytest.mark.parametrize("script", SAMPLES)
def test_no_character_of_a_script_is_a_box_on_an_invoice(script: str) -> None:
    assert missing_glyphs(invoice_naming(SAMPLES[script])) == 0


def test_a_box_would_be_noticed() -> None:
    assert missing_glyphs(invoice_naming("a\U0010fffd")) >= 4


def test_the_invoice_asks_for_every_bundled_font() -> None:
    bundled = set(Fonts(False, False, [invoice_pdf._FONTS]).families())
    template = invoice_pdf._TEMPLATE.read_text("utf-8")
    asked = set(re.findall(r'"(Noto [^"]+)"', template))
    assert asked == bundled
    assert len(bundled) == len(SOURCES_SHA256) == len(list(FONTS.glob("*.?tf")))
    assert "SIL OPEN FONT LICENSE" in (FONTS / "OFL.txt").read_text("utf-8")
