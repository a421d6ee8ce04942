"""A price point's checkout link with its QR code, and the QR code of a second factor."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Any

import pytest
import segno

from billing.team.rights import Role
from tests.console.agent import Agent
from tests.team.company import Company
from tests.web.shop import MONTHLY, PRODUCT, Shop


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def agent(shop: Shop) -> Agent:
    return Agent.of(shop)


@pytest.fixture
def made(shop: Shop) -> dict[str, Any]:
    found: dict[str, Any] = shop.api.post("/v1/products", PRODUCT).json
    return found


def link_page_of(made: dict[str, Any]) -> str:
    return f"/console/products/{made['id']}/prices/{made['price_points'][0]['id']}/link"


def drawn(svg: str) -> list[list[int]]:
    """Returns the modules that an SVG paints dark, without its quiet zone."""
    side = int(re.search(r'viewBox="0 0 (\d+) \1"', svg)[1])  # type: ignore[index]
    path = re.search(r'<path[^>]* d="(M[^"]+)"[^>]*stroke="#000"', svg) or re.search(
        r'<path[^>]*stroke="#000" d="(M[^"]+)"', svg
    )
    assert path is not None
    dark = [[0] * side for _ in range(side)]
    x = y = 0.0
    for act, first, second in re.findall(r"([Mmh])(-?[\d.]+)(?: (-?[\d.]+))?", path[1]):
        if act == "M":
            x, y = float(first), float(second)
        elif act == "m":
            x, y = x + float(first), y + float(second)
        else:
            for step in range(int(float(first))):
                dark[int(y)][int(x) + step] = 1
            x += float(first)
    assert not any(any(row) for row in (*dark[:4], *dark[-4:])), "four modules of quiet zone"
    return [row[4:-4] for row in dark[4:-4]]


def code_of(text: str) -> list[list[int]]:
    return [list(row) for row in segno.make(text, error="m", micro=False).matrix]


@pytest.mark.spec("M-4", "P-14")
def test_a_product_leads_to_its_checkout_link_with_a_qr_code(
    agent: Agent, made: dict[str, Any]
) -> None:
    page = agent.look(f"/console/products/{made['id']}")
    assert link_page_of(made) in [each.attributes.get("href") for each in page.all("a")]
    answer = agent.client.browse("GET", link_page_of(made))
    assert answer.status == 200
    (point,) = made["price_points"]
    assert f'value="https://pay.example.com/checkout/{point["id"]}"' in answer.body
    assert drawn(answer.body) == code_of(f"https://pay.example.com/checkout/{point['id']}")
    assert "img-src" not in answer.headers["content-security-policy"], "drawn inside the page"


@pytest.mark.spec("M-4")
def test_the_qr_code_is_a_file_to_print(agent: Agent, made: dict[str, Any]) -> None:
    answer = agent.client.browse("GET", f"{link_page_of(made)}/qr.svg")
    (point,) = made["price_points"]
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-disposition"] == f'attachment; filename="{point["id"]}.svg"'
    assert 'xmlns="http://www.w3.org/2000/svg"' in answer.body and "<script" not in answer.body
    assert drawn(answer.body) == code_of(f"https://pay.example.com/checkout/{point['id']}")


@pytest.mark.spec("M-4")
def test_the_link_is_on_the_merchants_own_domain(
    shop: Shop, agent: Agent, made: dict[str, Any]
) -> None:
    shop.world.change_merchant(domain="pay.acme.example")
    (point,) = made["price_points"]
    svg = agent.client.browse("GET", f"{link_page_of(made)}/qr.svg").body
    url = re.search(r'value="(https://[^"]+)"', agent.client.browse("GET", link_page_of(made)).body)
    assert url is not None and drawn(svg) == code_of(url[1])
    assert url[1] == f"https://pay.acme.example/checkout/{point['id'].removeprefix('acme.')}"


@pytest.mark.spec("M-4", "P-14")
def test_a_link_where_nobody_can_buy_says_so(
    shop: Shop, agent: Agent, made: dict[str, Any]
) -> None:
    assert "can't buy" not in agent.look(link_page_of(made)).text
    shop.api.post(f"/v1/products/{made['id']}/price-points", MONTHLY)
    agent.send(link_page_of(made).removesuffix("link") + "change", archived="true")
    assert "can't buy" in agent.look(link_page_of(made)).text
    shop.api.call("DELETE", f"/v1/products/{made['id']}")
    assert "can't buy" in agent.look(link_page_of(made)).text


@pytest.mark.spec("M-4")
@pytest.mark.parametrize("end", ["", "/qr.svg"])
def test_a_price_point_of_others_or_of_none_has_no_link(
    shop: Shop, agent: Agent, made: dict[str, Any], end: str
) -> None:
    other = shop.api.post("/v1/products", {**PRODUCT, "name": "Other"}).json
    (point,) = other["price_points"]
    for address in (
        f"/console/products/{made['id']}/prices/{point['id']}/link{end}",
        f"/console/products/{made['id']}/prices/none/link{end}",
        f"/console/products/none/prices/{point['id']}/link{end}",
    ):
        assert agent.client.browse("GET", address).status == 404, address


@pytest.mark.spec("M-9")
def test_a_second_factor_is_set_up_by_a_qr_code() -> None:
    company = Company()
    company.joins("bob@example.com", Role.ADMIN)
    body = company.signed_in("bob@example.com").get("/console/you/factor").body
    address = re.search(r'href="(otpauth://[^"]+)"', body)
    assert address is not None
    assert drawn(body) == code_of(address[1].replace("&amp;", "&"))


def test_only_pages_that_show_a_code_load_what_draws_it() -> None:
    program = "import sys, billing.console.web.checkout_links, billing.console.web.you; "
    program += "print('segno' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
