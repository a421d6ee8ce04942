"""Countries stand where readers of each language look for them (C-5)."""

from __future__ import annotations

import pytest

from billing.render import formats
from billing.render.collation import sort_key


@pytest.mark.spec("C-5")
@pytest.mark.parametrize(
    ("language", "in_order"),
    [
        ("bg", "Ирландия Исландия Италия Йемен Йордания Канада Ямайка"),
        ("da", "Frankrig Færøerne Gabon Grækenland Grønland Guam Zimbabwe Østrig Åland"),
        ("de", "Afghanistan Ägypten Albanien Oman Österreich Pakistan Tunesien Türkei Tuvalu"),
        ("en", "Albania Austria Curaçao Cyprus Zimbabwe"),
        ("es", "España Finlandia Noruega Perú Zimbabue"),
        ("fi", "Filippiinit Färsaaret Gabon Gambia Grönlanti Guam Itävalta Jamaika Zimbabwe"),
        ("fr", "Djibouti Égypte Équateur Espagne Éthiopie Fidji Norvège"),
        ("it", "Austria Italia Zimbabwe"),
        ("nl", "Afghanistan Åland Albanië België Italië Zweden"),
        ("no", "Frankrike Færøyene Gabon Østerrike Åland"),
        ("pl", "Chorwacja Cypr Litwa Luksemburg Łotwa Malta Słowacja Słowenia Szwecja Tajlandia"),
        ("pt", "Afeganistão Albânia Áustria Azerbaijão Egito"),
        ("ro", "Irlanda Islanda Israel Italia România Rusia Suedia Thailanda Turcia"),
        ("sk", "Cyprus Čad Česko Dánsko Honduras Chorvátsko India Srbsko Španielsko Taliansko"),
        ("sv", "Frankrike Färöarna Gabon Zimbabwe Åland Österrike"),
    ],
)
def test_countries_stand_as_the_alphabet_of_the_language_has_them(
    language: str, in_order: str
) -> None:
    names = [name for _, name in formats.countries(language)]
    places = [names.index(name) for name in in_order.split() if name in names]
    assert places == sorted(places)
    assert len(places) >= 3


@pytest.mark.parametrize(
    ("language", "in_order"),
    [
        ("es", "nube nuez ñandú oso"),
        ("pl", "ala ąż baba ćma ćwik dom źle żaba"),
        ("ro", "az ăsta âcâ bun iz însă joc sus șase tot țap ușă"),
        ("de", "aß assam ast äste atlas"),
        ("sk", "hora chata ihla ôsmy potok"),
    ],
)
def test_letters_of_a_language_follow_the_one_that_they_come_after(
    language: str, in_order: str
) -> None:
    words = in_order.split()
    assert sorted(words, key=lambda word: sort_key(word, language)) == words


def test_an_accent_decides_only_between_words_that_are_otherwise_alike() -> None:
    words = ["cote", "coté", "côte", "coterie"]
    assert sorted(words, key=lambda word: sort_key(word, "fr"))[-1] == "coterie"
    assert sort_key("Côte d’Ivoire", "fr")[0] == sort_key("Cote d'Ivoire", "fr")[0]
