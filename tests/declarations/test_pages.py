"""The public pages show each region's words, fields and steps, letter for letter (X-10)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from billing.kernel.domains import Domain
from billing.kernel.writes import Insert
from billing.render.messages import LANGUAGES
from tests.declarations.hall import Hall
from tests.render.html import read
from tests.world import World

NOVEMBER = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
WRITTEN = Path("docs/REGIONS.md").read_text()
EU = ["name", "contract", "contact"]
FIELDS = {
    ("DE", "cancellation"): ["kind", "reason", "name", "contract", "wanted_on", "contact"],
    ("FR", "cancellation"): ["name", "contact", "contract", "wanted_on", "kind", "reason"],
    ("US", "cancellation"): ["name", "contact", "contract"],
}


def _functions() -> list[tuple[str, str, str, list[str]]]:
    """Each region of the table with its duty and quoted labels."""
    section = WRITTEN.partition("## Functions")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| ")]
    found = []
    for cells in ([cell.strip() for cell in row] for row in rows[1:]):
        regions, quoted = cells[0].split(", "), re.findall(r'"([^"]+)"', cells[3])
        if cells[1]:
            for n, region in enumerate(regions):
                own = quoted[2 * n : 2 * n + 2] if len(regions) > 1 and len(quoted) > 2 else quoted
                found.append((region, cells[1], cells[3], own))
    return found


@pytest.fixture
def hall() -> Hall:
    return Hall(World(NOVEMBER))


@pytest.mark.spec("X-10")
@pytest.mark.parametrize(("region", "duty", "cell", "quoted"), _functions())
def test_each_row_of_the_table_is_on_its_page(
    hall: Hall, region: str, duty: str, cell: str, quoted: list[str]
) -> None:
    country, _, state = region.partition("-")
    page = {"withdrawal": "withdraw", "cancellation": "cancel"}[duty]
    place = f"country={'BE' if country == 'EU' else country}&lang=en"
    shown = hall.see(f"/{page}/acme?{place}{f'&state={state}' if state else ''}")
    if cell == "as DE":
        quoted = ["Vertrag widerrufen", "Widerruf bestätigen"]
    (heading,) = shown.all("h1")
    if quoted:
        assert heading.text == quoted[0]
    if len(quoted) > 1:
        assert quoted[1] in [button.text for button in shown.all("button")]
    names = [e.attributes.get("name") for e in (*shown.all("input"), *shown.all("select"))]
    names += [e.attributes.get("name") for e in shown.all("textarea")]
    wanted = EU if duty == "withdrawal" else FIELDS[(country, duty)]
    assert {name for name in names if name} - {"attempt", "step"} == set(wanted)
    # Nothing beside the form: no offer, no picture, no login.
    assert not shown.all("img") and len(shown.all("form")) == 1


@pytest.mark.spec("X-10")
@pytest.mark.parametrize(("region", "duty", "cell", "quoted"), _functions())
def test_each_row_of_the_table_takes_as_many_steps_as_it_says(
    hall: Hall, region: str, duty: str, cell: str, quoted: list[str]
) -> None:
    country, _, state = region.partition("-")
    page = {"withdrawal": "withdraw", "cancellation": "cancel"}[duty]
    place = f"country={'BE' if country == 'EU' else country}&lang=en"
    where = f"/{page}/acme?{place}{f'&state={state}' if state else ''}"
    steps = ["summary", "confirm"] if ", a summary, then a last click" in cell else [""]
    for n, step in enumerate(steps, 1):
        before = hall.declarations()
        shown = hall.declare(where, contract="Course", **({"step": step} if step else {}))
        assert (shown.status, before) == (200, [])
        assert len(hall.declarations()) == (1 if n == len(steps) else 0)


@pytest.mark.spec("X-10")
def test_france_has_a_summary_before_the_last_click(hall: Hall) -> None:
    typed = {"name": "Zoë", "contract": "Course", "contact": "zoe@example.com"}
    summary = hall.declare("/cancel/acme?country=FR", step="summary", **typed)
    assert "Vérifiez votre résiliation" in summary.body and hall.declarations() == []
    changed = hall.declare("/cancel/acme?country=FR", step="change", **typed)
    assert 'value="Zoë"' in changed.body and hall.declarations() == []
    done = hall.declare("/cancel/acme?country=FR", step="confirm", **typed)
    assert "Nous avons reçu votre déclaration" in done.body
    assert hall.declaration.region == "FR"


@pytest.mark.spec("X-10", "C-5")
@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_the_pages_speak_fifteen_languages(hall: Hall, language: str) -> None:
    for page in ("cancel", "withdraw"):
        shown = hall.stranger.browse("GET", f"/{page}/acme?lang={language}")
        assert shown.status == 200 and f'lang="{language}"' in shown.body


@pytest.mark.spec("X-10")
def test_the_visitors_own_country_and_state_choose_where_the_address_does_not(hall: Hall) -> None:
    headers = {"cloudfront_viewer_country": "US", "cloudfront_viewer_country_region": "CA"}
    california = hall.stranger.browse("GET", "/cancel/acme", **headers)
    assert "click to cancel" in california.body
    german = hall.stranger.browse("GET", "/cancel/acme?country=DE", **headers)
    assert "Verträge hier kündigen" in german.body


@pytest.mark.spec("X-10")
@pytest.mark.parametrize(
    "typed",
    [
        {"name": ""},
        {"name": "x" * 201},
        {"contract": ""},
        {"contact": "nobody"},
        {"contact": ""},
        {"kind": "sudden"},
        {"wanted_on": "soon"},
        {"wanted_on": "2027-02-30"},
        {"reason": "x" * 201},
        {"attempt": "short"},
        {"attempt": "a b c d e f g"},
        {"unheard": "of"},
        {"step": "jump"},
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_declared(hall: Hall, typed: dict[str, str]) -> None:
    answer = hall.declare(**typed)
    assert answer.status == 422 and hall.declarations() == []


@pytest.mark.spec("X-10")
def test_a_form_of_another_site_is_refused(hall: Hall) -> None:
    form = {"attempt": "attempt-1", "name": "A", "contract": "B", "contact": "a@example.com"}
    sent = hall.stranger.browse("POST", "/cancel/acme", form, sec_fetch_site="cross-site")
    assert sent.status == 403 and hall.declarations() == []


@pytest.mark.spec("X-10", "A-9")
def test_the_pages_are_at_a_custom_domain(hall: Hall) -> None:
    hall.world.store.commit(Insert(Domain("shop.example.org", "acme")))
    shown = hall.stranger.browse("GET", "/cancel/-?country=DE", host="shop.example.org")
    assert shown.status == 200
    (form,) = read(shown.body).all("form")
    assert form.attributes["action"] == "/cancel/-?country=DE"


def test_an_unknown_merchant_or_link_is_no_page(hall: Hall) -> None:
    assert hall.stranger.browse("GET", "/cancel/nobody").status == 404
    assert hall.stranger.browse("GET", "/cancel/acme/answer/nothing").status == 410
