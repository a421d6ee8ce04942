"""Tells which internet addresses a webhook may be sent to (M-5).

A merchant chooses the host, and its owner chooses the addresses. So each address is checked after
it was resolved, and a connection goes to an address that was checked and to no other.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

_V4 = [
    IPv4Network(each)
    for each in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers (CGNAT); AWS uses it inside too
        "127.0.0.0/8",  # loopback; Lambda's runtime API is here
        "168.63.129.16/32",  # Azure's wire server
        "169.254.0.0/16",  # link-local, with the metadata of AWS, Google and Azure
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
]
"""The ranges that no webhook goes to: they are not the public internet, or lead elsewhere."""

_GLOBAL_V6 = IPv6Network("2000::/3")
"""The only part of IPv6 that is given out as global unicast.

Outside it are loopback, v4-mapped and NAT64 addresses, which lead to IPv4, and local ones.
"""

_V6 = [
    IPv6Network(each)
    for each in (
        "2001::/23",  # protocol assignments: Teredo, which leads to IPv4, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which leads to IPv4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
]


def may_be_sent_to(address: Address) -> bool:
    """Tests whether an address is on the public internet, and leads nowhere else."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _V4)
    if address.scope_id is not None:
        return False
    return address in _GLOBAL_V6 and not any(address in network for network in _V6)


def all_may_be_sent_to(texts: list[str]) -> bool:
    """Tests whether a host has addresses and all of them may be sent to.

    A host with one that may not is refused as a whole: nobody has such a host by accident.
    """
    return bool(texts) and all(_may(text) for text in texts)


def is_loopback(text: str) -> bool:
    """Tests whether an address is this very machine's, which `make run` allows."""
    return text == "127.0.0.1"


def _may(text: str) -> bool:
    try:
        return may_be_sent_to(ip_address(text))
    except ValueError:
        return False
