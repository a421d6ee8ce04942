"""Hosts that can be a merchant's, and the meaning of an address at one (A-9)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel import domains
from billing.kernel.errors import Invalid, NotFound

PLATFORM = "https://pay.perennial.example"


@pytest.mark.spec("A-9")
@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("pay.example.com", "pay.example.com"),
        (" Pay.Example.COM. ", "pay.example.com"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("1.example", "1.example"),
    ],
)
def test_a_host_is_kept_as_dns_has_it(typed: str, kept: str) -> None:
    assert domains.check_host(typed, PLATFORM) == kept


@pytest.mark.spec("A-9")
@pytest.mark.parametrize(
    "typed",
    [
        *("", "-", ".", "localhost", "example", "pay..example.com", "-pay.example.com"),
        *("https://pay.example.com", "pay.example.com/portal", "pay.example.com:8443"),
        *("user@pay.example.com", "pay_ment.example.com", "bücher.example", "pay.example.com\n.x"),
        *("192.0.2.1", "[2001:db8::1]", "a" * 64 + ".example", "a." * 127 + "example"),
        *("pay.perennial.example", "PAY.perennial.example.", "shop.pay.perennial.example"),
        *("abc.execute-api.eu-west-1.amazonaws.com", "d1.cloudfront.net", "db.internal"),
    ],
)
def test_what_is_no_host_or_not_theirs_is_refused(typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        domains.check_host(typed, PLATFORM)
    assert refused.value.field == "custom_domain"


@pytest.mark.spec("A-9")
@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("/portal/-", "/portal/acme"),
        ("/portal/-/cards/new", "/portal/acme/cards/new"),
        ("/portal/acme/cards", "/portal/acme/cards"),
        ("/helpdesk/-/tickets/tkt_1~key", "/helpdesk/acme/tickets/tkt_1~key"),
        ("/checkout/library-1", "/checkout/acme.library-1"),
        ("/checkout/acme.library-1/return", "/checkout/acme.library-1/return"),
        ("/sandbox/authenticate/pi_1", "/sandbox/authenticate/pi_1"),
        ("/health", "/health"),
    ],
)
def test_what_an_address_at_a_domain_stands_for(path: str, inside: str) -> None:
    assert domains.path_inside(path, "acme") == inside


@pytest.mark.spec("A-9")
@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "/portal", "/portal/", "/portal/rival", "/portal/rival/cards", "/checkout"),
        *("/checkout/", "/checkout/rival.library-1", "/checkout/-.library-1", "/helpdesk/acm"),
        *("/checkout/.library-1", "/v1/orders", "/console", "/account/sign-in", "/directory"),
        *("/webhooks/stripe/acme", "//portal/-", "/PORTAL/-", "/checkout/acme"[:10]),
    ],
)
def test_what_is_not_to_be_had_at_a_domain(path: str) -> None:
    with pytest.raises(NotFound):
        domains.path_inside(path, "acme")


SEGMENT = st.sampled_from(
    ["portal", "helpdesk", "checkout", "-", "acme", "rival", "acme.x", "rival.x", "x", "", ".."]
)


@pytest.mark.spec("A-9")
@given(st.lists(SEGMENT, max_size=5))
def test_no_address_at_a_domain_stands_for_another_merchants(segments: list[str]) -> None:
    path = "/" + "/".join(segments)
    try:
        inside = domains.path_inside(path, "acme").split("/")
    except NotFound:
        return
    assert inside[1] in {"portal", "helpdesk", "checkout"}
    assert inside[2] == "acme" or (inside[1] == "checkout" and inside[2].startswith("acme."))


@pytest.mark.spec("A-9")
@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("Pay.Example.com:443", "pay.example.com"),
        ("pay.example.com.", "pay.example.com"),
        ("127.0.0.1:3000", "127.0.0.1"),
        ("localhost:3000", None),
        ("", None),
        ("pay.example.com#x", None),
        ("a" * 300 + ".example", None),
        ("pay.example.com,evil.example", None),
    ],
)
def test_a_host_header_names_a_host_or_nothing(header: str, host: str | None) -> None:
    assert domains.host_of(header) == host
