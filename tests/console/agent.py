"""A merchant at the console: looks at pages, and sends the forms that stand on them."""

from __future__ import annotations

from dataclasses import dataclass

from tests.render.html import Element, read
from tests.web.calls import Answer, Client
from tests.web.shop import Shop, signed_in


@dataclass
class Agent:
    """A signed-in browser; `at` is the address that it was led to last."""

    client: Client
    at: str = ""
    token: str = ""

    @classmethod
    def of(cls, shop: Shop, merchant: str = "acme") -> Agent:
        return cls(signed_in(shop, merchant))

    def look(self, address: str, status: int = 200) -> Element:
        """Look at a page."""
        answer = self.client.browse("GET", address)
        assert answer.status == status, answer.body
        self.at = address
        return read(answer.body)

    def follow(self, answer: Answer) -> Element:
        """Go where an answer leads."""
        assert answer.status == 303, answer.body
        return self.look(answer.headers["location"])

    def send(self, address: str, **fields: str) -> Answer:
        """Send a form of the console with these fields."""
        return self.client.browse("POST", address, {"csrf": self.csrf(), **fields})

    def csrf(self) -> str:
        """The token that every form of this session carries."""
        if not self.token:
            page = read(self.client.browse("GET", "/console/products/new").body)
            fields_of = (each.attributes for each in page.all("input"))
            (self.token,) = {str(f["value"]) for f in fields_of if f.get("name") == "csrf"}
        return self.token
