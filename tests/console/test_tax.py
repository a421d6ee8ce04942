"""The tax page of the console does what /v1/tax does, and tells what is wrong at its field."""

from __future__ import annotations

from base64 import b64encode

import pytest

from tests.console.agent import Agent
from tests.web.calls import Answer, event
from tests.web.shop import Shop

TABLE = "country,state,postal_code,name,rate,from\nUS,CA,,CA,0.0725,\nUS,TX,,TX,0.0625,2026-01-01\n"


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def agent(shop: Shop) -> Agent:
    return Agent.of(shop)


@pytest.mark.spec("C-7")
@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ({"country": "GB"}, "United Kingdom Collecting since"),
        ({"country": "US", "state": "California"}, "United States · CA Collecting since"),
        ({"scheme": "eu_oss", "home": "DE"}, "European Union (OSS, registered in Germany)"),
        (
            {"country": "US", "state": "NY", "nexus": "threshold", "threshold": "500000"},
            "United States · NY Below the thresholdCollects from: $500,000.00",
        ),
        # The fields of another kind of registration are sent too, and do not count.
        ({"country": "GB", "home": "DE", "orders": "5", "nexus": "presence"}, "United Kingdom"),
    ],
)
def test_a_registration_is_made_by_its_form(
    shop: Shop, agent: Agent, typed: dict[str, str], shown: str
) -> None:
    page = agent.follow(agent.send("/console/tax/registrations", **typed))
    assert shown in page.text
    (made,) = shop.api.get("/v1/tax/registrations").json["data"]
    page = agent.look(f"/console/tax/registrations/{made['id']}/end")
    assert "From today on, no tax is collected there" in page.text
    agent.follow(agent.send(f"/console/tax/registrations/{made['id']}/end"))
    (ended,) = shop.api.get("/v1/tax/registrations").json["data"]
    assert ended["ended_on"] is not None


@pytest.mark.spec("C-7", "C-12")
@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({}, "country"),
        ({"country": "XX"}, "country"),
        ({"country": "US"}, "state"),
        ({"country": "US", "state": "Bavaria"}, "state"),
        ({"scheme": "eu_oss"}, "home"),
        ({"scheme": "eu_oss", "home": "US"}, "home"),
        ({"country": "US", "state": "NY", "nexus": "threshold", "threshold": "much"}, "threshold"),
        ({"country": "US", "state": "NY", "nexus": "threshold", "orders": "many"}, "orders"),
        ({"country": "GB", "nexus": "whim"}, "country"),
    ],
)
def test_a_wrong_registration_is_told_at_its_field(
    shop: Shop, agent: Agent, typed: dict[str, str], field: str
) -> None:
    answer = agent.send("/console/tax/registrations", **typed)
    if typed.get("nexus") == "whim":
        assert answer.status == 303  # it is a radio button: whatever else is presence
        return
    assert answer.status == 422
    assert f'href="#{field}"' in answer.body and f'id="{field}-error"' in answer.body
    for name, value in typed.items():
        if name not in ("country", "home"):  # of a list that has no other
            assert f'value="{value}"' in answer.body
    assert shop.api.get("/v1/tax/registrations").json["data"] == []


@pytest.mark.spec("C-7")
def test_a_second_registration_of_a_place_is_refused(shop: Shop, agent: Agent) -> None:
    agent.follow(agent.send("/console/tax/registrations", country="GB"))
    answer = agent.send("/console/tax/registrations", country="GB")
    assert answer.status == 422 and "registered there already" in answer.body
    assert len(shop.api.get("/v1/tax/registrations").json["data"]) == 1


@pytest.mark.spec("C-7")
def test_a_rate_is_entered_and_shown_in_percent(shop: Shop, agent: Agent) -> None:
    rate = {"country": "US", "state": "CA", "name": "CA", "rate": "0.0725", "from": "2026-01-01"}
    page = agent.follow(agent.send("/console/tax/rates", **rate))
    assert "United States · CA CA7.25 %2026-01-01" in page.text
    assert shop.api.get("/v1/tax/rates").json["data"] == [{**rate, "postal_code": None}]


@pytest.mark.spec("C-7", "C-12")
@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"rate": "7.25"}, "rate"),
        ({"rate": ""}, "rate"),
        ({"country": "USA"}, "country"),
        ({"state": "Bavaria"}, "state"),
        ({"from": "soon"}, "from"),
        ({"name": "x" * 300}, "name"),
    ],
)
def test_a_wrong_rate_is_told_at_its_field(
    shop: Shop, agent: Agent, wrong: dict[str, str], field: str
) -> None:
    rate = {"country": "US", "state": "CA", "name": "CA", "rate": "0.0725"} | wrong
    answer = agent.send("/console/tax/rates", **rate)
    assert answer.status == 422
    assert f'id="rate-{field}-note"' in answer.body
    assert shop.api.get("/v1/tax/rates").json["data"] == []


@pytest.mark.spec("C-7")
def test_a_table_replaces_all_rates_or_none(shop: Shop, agent: Agent) -> None:
    page = agent.follow(agent.send("/console/tax/rates.csv", csv=TABLE.replace("\n", "\r\n")))
    assert "6.25 %" in page.text and "7.25 %" in page.text
    wrong = TABLE + "US,ZZ,,ZZ,0.1,\nUS,NY,,NY,much,\n"
    answer = agent.send("/console/tax/rates.csv", csv=wrong)
    assert answer.status == 422
    assert "Line 4, state" in answer.body and "Line 5, rate" in answer.body
    assert "US,ZZ,,ZZ" in answer.body, "what was typed survives"
    assert len(shop.api.get("/v1/tax/rates").json["data"]) == 2
    for bad in ("", "nothing", "country,name\n", "country,name,rate,colour\n", 'a,"b'):
        answer = agent.send("/console/tax/rates.csv", csv=bad)
        assert answer.status == 422
        assert 'id="csv-error"' in answer.body
    assert len(shop.api.get("/v1/tax/rates").json["data"]) == 2


@pytest.mark.spec("C-10")
def test_selling_without_tax_is_confirmed_until_one_registers(agent: Agent) -> None:
    assert "I sell without tax" in agent.look("/console/tax").text
    assert "Confirmed" in agent.follow(agent.send("/console/tax/without")).text
    agent.follow(agent.send("/console/tax/registrations", country="GB"))
    assert "I sell without tax" not in agent.look("/console/tax").text


@pytest.mark.spec("M-3")
def test_nobody_sees_or_ends_another_merchants_registration(shop: Shop, agent: Agent) -> None:
    agent.follow(agent.send("/console/tax/registrations", country="GB"))
    (made,) = shop.api.get("/v1/tax/registrations").json["data"]
    rival = Agent.of(shop, "rival")
    assert "United Kingdom Collecting" not in rival.look("/console/tax").text
    rival.look(f"/console/tax/registrations/{made['id']}/end", status=404)
    assert rival.send(f"/console/tax/registrations/{made['id']}/end").status == 404


def uploaded(agent: Agent, text: str, boundary: str = "----x", **fields: str) -> Answer:
    """The form with a file, as a browser sends it."""
    sent = {"csrf": agent.csrf(), **fields}
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in sent.items()
    ]
    head = 'Content-Disposition: form-data; name="file"; filename="rates.csv"'
    parts.append(f"--{boundary}\r\n{head}\r\nContent-Type: text/csv\r\n\r\n{text}\r\n")
    body = f"{''.join(parts)}--{boundary}--\r\n".encode()
    made = event(
        "POST",
        "/console/tax/rates.csv",
        b64encode(body).decode(),
        headers={"content-type": f"multipart/form-data; boundary={boundary}"},
        cookies=[f"{n}={v}" for n, v in agent.client.cookies.items()],
        is_base64=True,
    )
    return agent.client.send(made)


@pytest.mark.spec("C-7")
def test_a_table_is_uploaded_as_a_file_and_comes_back_as_one(shop: Shop, agent: Agent) -> None:
    assert uploaded(agent, TABLE, csv="").status == 303
    assert len(shop.api.get("/v1/tax/rates").json["data"]) == 2
    answer = agent.client.browse("GET", "/console/tax/rates.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.body == shop.api.get("/v1/tax/rates.csv").body
    wrong = uploaded(agent, TABLE + "US,ZZ,,ZZ,0.1,\n")
    assert wrong.status == 422 and "Line 4, state" in wrong.body
    assert len(shop.api.get("/v1/tax/rates").json["data"]) == 2


@pytest.mark.spec("C-7")
def test_a_file_of_thousands_of_rows_is_taken_and_a_huge_one_refused(
    shop: Shop, agent: Agent
) -> None:
    rows = "".join(f"US,TX,{75000 + n},TX,0.0{n % 9 + 1},\n" for n in range(3000))
    assert uploaded(agent, "country,state,postal_code,name,rate,from\n" + rows).status == 303
    assert uploaded(agent, "x" * 1_100_000).status == 413
    assert "75000" in shop.api.get("/v1/tax/rates.csv").body


def test_a_file_without_the_forms_token_is_refused(shop: Shop, agent: Agent) -> None:
    agent.token = "another"
    assert uploaded(agent, TABLE).status == 403
    assert shop.api.get("/v1/tax/rates").json["data"] == []


@pytest.mark.spec("C-7")
def test_the_report_is_downloaded_and_wrong_days_are_told(shop: Shop, agent: Agent) -> None:
    days = "from=2026-01-01&to=2026-01-31"
    answer = agent.client.browse("GET", f"/console/tax/report.csv?{days}")
    assert answer.body == shop.api.get(f"/v1/tax/report.csv?{days}").body
    page = agent.look("/console/tax/report.csv?from=2026-01-01", status=422)
    assert "This is required" in page.one("p", id="to-error").text
