import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvimprover.pdf.scripts import make_readable, script_of


def has_every_glyph(_character: str) -> bool:
    return True


def has_ascii_only(character: str) -> bool:
    return character.isascii()


@pytest.mark.parametrize(
    ("character", "script"),
    [
        ("a", ""),
        ("é", "Latin"),
        ("ß", "Latin"),
        ("ω", "Greek"),
        ("ἄ", "Greek"),
        ("ж", "Cyrillic"),
        ("漢", "Han"),
        ("\u3007", "Han"),
        ("ش", "Arabic"),
        ("٣", "Arabic"),
        ("שּׁ", "Hebrew"),
        ("अ", "Devanagari"),
        ("ก", "Thai"),
        ("あ", "Hiragana"),
        ("한", "Hangul"),
        ("\u0301", ""),
        ("½", ""),
        ("Ⅷ", ""),
        ("€", ""),
        ("“", ""),
    ],
)
def test_the_script_of_a_character(character: str, script: str) -> None:
    assert script_of(character[0]) == script


@pytest.mark.parametrize(
    ("text", "readable", "left_out"),
    [
        ("Ada Lovelace", "Ada Lovelace", []),
        ("Łódź, Ωμέγα, Київ – 5 €", "Łódź, Ωμέγα, Київ – 5 €", []),
        ("你好\uff0c世界", "[Han],[Han]", ["Han"]),
        ("مرحبا بالعالم!", "[Arabic]!", ["Arabic"]),
        ("Ада (أدا) and 阿达", "Ада ([Arabic]) and [Han]", ["Arabic", "Han"]),
        ("日本 にほん", "[Han] [Hiragana]", ["Han", "Hiragana"]),
        ("e\u0301 \u200d\ufe0f\u00adx", "é x", []),
        ("\uff21cme ﬁ \U0001d401old", "Acme ﬁ Bold", []),
        ("a\tb\x07c\u2028d\u00a0e", "a b c d e", []),
        ("\ue000 \u0378", "[U+E000] [U+0378]", ["unknown"]),
        ("", "", []),
    ],
)
def test_what_cannot_be_drawn_is_named(text: str, readable: str, left_out: list[str]) -> None:
    result = make_readable(text, lambda character: character not in "\uff0c\uff21\U0001d401")
    assert (result.text, sorted(result.left_out)) == (readable, left_out)


@pytest.mark.parametrize(
    ("text", "readable", "left_out"),
    [
        ("Ł", "[U+0141]", ["rare Latin"]),
        ("😀😀 x", "[emoji] x", ["emoji"]),
        ("→", "[symbol]", ["symbol"]),
        ("½ ﬁ", "[symbol] fi", ["symbol"]),
    ],
)
def test_what_the_font_lacks_is_named(text: str, readable: str, left_out: list[str]) -> None:
    result = make_readable(text, has_ascii_only)
    assert (result.text, sorted(result.left_out)) == (readable, left_out)


@settings(deadline=None)
@given(text=st.text(st.characters(exclude_categories=()), max_size=40))
def test_everything_that_stays_can_be_drawn(text: str) -> None:
    readable = make_readable(text, has_ascii_only)
    assert readable.text.isascii()
    assert all(name.isascii() and name.isprintable() for name in readable.left_out)
    for character in make_readable(text, has_every_glyph).text:
        assert script_of(character) in {"", "Latin", "Greek", "Cyrillic"}
        assert unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}


@settings(deadline=None)
@given(text=st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"]), max_size=40))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert make_readable(text, has_every_glyph).text == text
