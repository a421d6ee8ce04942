"""Webhooks go to the public internet alone, whatever name, spelling or address is given (M-5)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.kernel.errors import Invalid
from billing.webhooks import urls
from billing.webhooks.addresses import all_may_be_sent_to, may_be_sent_to
from tests.depth import examples

pytestmark = pytest.mark.spec("M-5")

FORBIDDEN = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "::1/128",
    "::/96",
    "::ffff:0:0/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/32",
    "2001:2::/48",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
]

OPEN = ["1.1.1.1", "8.8.8.8", "52.94.236.248", "2606:4700::1111", "2a00:1450:4001::200e"]


def _all(networks: list[str]) -> st.SearchStrategy[IPv4Address | IPv6Address]:
    return st.sampled_from(networks).flatmap(lambda text: st.ip_addresses(network=text))


@given(_all(FORBIDDEN))
@settings(max_examples=examples(600))
def test_no_address_of_a_range_that_is_not_the_public_internets_is_sent_to(
    address: IPv4Address | IPv6Address,
) -> None:
    assert not may_be_sent_to(address)
    assert not all_may_be_sent_to([str(address)])


@given(st.ip_addresses())
@settings(max_examples=examples(600))
def test_no_address_that_the_standard_library_calls_local_is_sent_to(
    address: IPv4Address | IPv6Address,
) -> None:
    if may_be_sent_to(address):
        assert address.is_global
        assert not address.is_multicast
        assert not address.is_reserved
        assert not address.is_link_local


@given(st.ip_addresses(v=4))
@settings(max_examples=examples(300))
def test_no_form_of_ipv6_leads_to_an_ipv4_address(address: IPv4Address) -> None:
    number = int(address)
    forms = [
        IPv6Address((0xFFFF << 32) | number),
        IPv6Address(number),
        IPv6Address((0x0064FF9B << 96) | number),
        IPv6Address((0x0064FF9B0001 << 80) | number),
        IPv6Address((0x2002 << 112) | (number << 80)),
        IPv6Address((0x20010000 << 96) | (number ^ 0xFFFFFFFF)),
    ]
    assert not any(map(may_be_sent_to, forms))


@pytest.mark.parametrize("text", FORBIDDEN)
def test_both_ends_of_a_forbidden_range_are_in_it(text: str) -> None:
    network = IPv6Network(text) if ":" in text else IPv4Network(text)
    assert not may_be_sent_to(network[0])
    assert not may_be_sent_to(network[-1])


@pytest.mark.parametrize("text", OPEN)
def test_addresses_of_the_public_internet_are_sent_to(text: str) -> None:
    assert all_may_be_sent_to([text])


def test_one_address_that_may_not_be_forbids_the_whole_host() -> None:
    assert all_may_be_sent_to(OPEN)
    assert not all_may_be_sent_to([*OPEN, "10.0.0.1"])
    assert not all_may_be_sent_to([])
    assert not all_may_be_sent_to(["fe80::1%eth0"])
    assert not all_may_be_sent_to(["2606:4700::1111%1"])
    assert not all_may_be_sent_to(["nonsense"])


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "ftp://hooks.example.com/",
        "//hooks.example.com/",
        "hooks.example.com",
        "",
        "https://",
        "https:///path",
        "https://user@hooks.example.com/",
        "https://user:secret@hooks.example.com/",
        "https://@hooks.example.com/",
        "https://hooks.example.com:444/",
        "https://hooks.example.com:80/",
        "https://hooks.example.com:0443/",
        "https://hooks.example.com:/",
        "https://hooks.example.com/#part",
        "https://hooks.example.com\\@10.0.0.1/",
        "https://hooks.example.com/a b",
        "https://hooks.example.com/\r\nX: y",
        "https://hooks.example.com/é",
        "https://münchen.example.com/",
        " https://hooks.example.com/",
        "https://hooks.example.com/\x00",
        "https://1.1.1.1/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0x0.0x0.0x1/",
        "https://0177.0.0.1/",
        "https://017700000001/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[fe80::1%25eth0]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://①②⑦.⓪.⓪.①/",
        "https://127。0。0。1/",
        "https://localhost/",
        "https://hooks/",
        "https://hooks.localhost/",
        "https://metadata.google.internal/",
        "https://router.home.arpa/",
        "https://hooks.example.com./",
        "https://.example.com/",
        "https://hooks..com/",
        "https://-hooks.example.com/",
        "https://hooks_1.example.com/",
        "https://*.example.com/",
        f"https://{'a' * 64}.example.com/",
        f"https://{'a.' * 130}example.com/",
        f"https://hooks.example.com/{'a' * 500}",
        "http://127.0.0.1:8000/",
    ],
)
def test_an_address_that_is_not_plain_https_to_a_public_name_is_refused(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        urls.read(url)
    assert refused.value.field == "url"


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("https://hooks.example.com", "hooks.example.com", "/"),
        ("https://hooks.example.com/a/b?c=d&e=%20", "hooks.example.com", "/a/b?c=d&e=%20"),
        ("https://hooks.example.com?a=b", "hooks.example.com", "/?a=b"),
        ("HTTPS://Hooks.Example.COM:443/A", "hooks.example.com", "/A"),
        ("https://xn--mnchen-3ya.example.com/", "xn--mnchen-3ya.example.com", "/"),
        ("https://1.2.3.4.nip.io/", "1.2.3.4.nip.io", "/"),
    ],
)
def test_a_plain_https_address_is_read(url: str, host: str, path: str) -> None:
    target = urls.read(url)
    assert (target.host, target.port, target.path, target.tls) == (host, 443, path, True)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.2:8000/",
        "http://localhost:8000/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:0/",
        "http://user@127.0.0.1:8000/",
        "http://127.0.0.1.example.com/",
        "http://10.0.0.1/",
        "http://0.0.0.0/",
        "http://[::1]:8000/",
        "https://127.0.0.1/",
    ],
)
def test_on_a_laptop_only_its_own_address_is_allowed_without_tls(url: str) -> None:
    local = urls.read("http://127.0.0.1:8000/hook?a=b", local=True)
    assert (local.host, local.port, local.path, local.tls) == (
        "127.0.0.1",
        8000,
        "/hook?a=b",
        False,
    )
    assert local.authority == "127.0.0.1:8000"
    with pytest.raises(Invalid):
        urls.read(url, local=True)


@given(st.text(max_size=60))
@settings(max_examples=examples(300))
def test_no_text_is_read_as_an_address_that_names_a_user_a_port_or_a_number(text: str) -> None:
    try:
        target = urls.read(f"https://{text}")
    except Invalid:
        return
    assert target.port == 443
    assert set(target.host) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")
    assert target.host.rpartition(".")[2][0].isalpha()
    assert target.path.startswith("/")
    assert target.path.isascii() and target.path.isprintable() and " " not in target.path
