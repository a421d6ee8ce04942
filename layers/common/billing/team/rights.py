"""Rights: the roles of a team, the areas of a merchant's affairs, and the matrix of both (M-9).

An API key takes the same areas, gathered into four. Nobody gives more than they hold: a role, and a
key, can be given by somebody who holds every right that comes with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Role(StrEnum):
    """The role of a member of a team."""

    OWNER = "owner"
    ADMIN = "admin"
    FINANCE = "finance"
    SUPPORT = "support"
    READ_ONLY = "read_only"


class Access(StrEnum):
    """Reading, or writing too."""

    READ = "read"
    WRITE = "write"


class Area(StrEnum):
    """An area of a merchant's affairs.

    `money` is orders, invoices and refunds; `account` is the merchant's own plan at the
    platform, which is its owners'; `own` is the sign-in of whoever asks, which everybody has.
    """

    CATALOG = "catalog"
    COUPONS = "coupons"
    CUSTOMERS = "customers"
    SUBSCRIPTIONS = "subscriptions"
    TICKETS = "tickets"
    MONEY = "money"
    FIGURES = "figures"
    EXPORTS = "exports"
    TAX = "tax"
    SETTINGS = "settings"
    BRANDING = "branding"
    MAILS = "mails"
    GATEWAYS = "gateways"
    KEYS = "keys"
    WEBHOOKS = "webhooks"
    IMPORT = "import"
    TEAM = "team"
    AUDIT = "audit"
    ACCOUNT = "account"
    OWN = "own"


Right = tuple[Area, Access]
Rights = frozenset[Right]

NONE, R, RW = "", "r", "rw"

MATRIX: Mapping[Area, tuple[str, str, str, str, str]] = {
    #                   owner, admin, finance, support, read-only
    Area.CATALOG: (RW, RW, R, R, R),
    Area.COUPONS: (RW, RW, R, R, R),
    Area.CUSTOMERS: (RW, RW, R, RW, R),
    Area.SUBSCRIPTIONS: (RW, RW, R, RW, R),
    Area.TICKETS: (RW, RW, R, RW, R),
    Area.MONEY: (RW, RW, RW, R, R),
    Area.FIGURES: (RW, RW, R, NONE, R),
    Area.EXPORTS: (RW, RW, RW, NONE, NONE),
    Area.TAX: (RW, RW, R, NONE, R),
    Area.SETTINGS: (RW, RW, R, NONE, R),
    Area.BRANDING: (RW, RW, R, NONE, R),
    Area.MAILS: (RW, RW, R, NONE, R),
    Area.GATEWAYS: (RW, RW, R, NONE, NONE),
    Area.KEYS: (RW, RW, R, NONE, NONE),
    Area.WEBHOOKS: (RW, RW, R, NONE, NONE),
    Area.IMPORT: (RW, RW, R, NONE, NONE),
    Area.TEAM: (RW, RW, R, NONE, NONE),
    Area.AUDIT: (RW, RW, R, NONE, NONE),
    Area.ACCOUNT: (RW, NONE, NONE, NONE, NONE),
    Area.OWN: (RW, RW, RW, RW, RW),
}
"""The access of each role to each area, in the order of `Role`. Support refunds only where that is
granted to the member (`REFUNDS`)."""

REFUNDS: Right = (Area.MONEY, Access.WRITE)
"""The right that a member of support may be granted."""

KEY_AREAS: Mapping[str, tuple[Area, ...]] = {
    "catalog": (Area.CATALOG, Area.COUPONS),
    "customers": (Area.CUSTOMERS, Area.SUBSCRIPTIONS, Area.TICKETS),
    "money": (Area.MONEY, Area.FIGURES, Area.EXPORTS),
    "settings": (
        *(Area.SETTINGS, Area.TAX, Area.BRANDING, Area.MAILS, Area.GATEWAYS, Area.KEYS),
        *(Area.WEBHOOKS, Area.IMPORT, Area.TEAM, Area.AUDIT),
    ),
}
"""The areas of an API key, and what each holds. No key reaches the account itself."""

OF_ALL = (Access.READ.value, Access.WRITE.value)
"""The scopes of keys from before there were areas: reading, and writing, in every area."""

SCOPES: tuple[str, ...] = (
    *OF_ALL,
    *(f"{area}:{access}" for area in KEY_AREAS for access in Access),
)
"""All scopes that a key may have: `read`, `write`, or those of one area such as `catalog:read`."""


def of_role(role: Role, *, refunds: bool = False) -> Rights:
    """Returns the rights of a role; `refunds` are granted to a member of support."""
    column = list(Role).index(role)
    held = {
        (area, access)
        for area, cells in MATRIX.items()
        for access in Access
        if access.value[0] in cells[column]
    }
    return frozenset(held | ({REFUNDS} if refunds and role is Role.SUPPORT else set()))


def of_scopes(scopes: Iterable[str]) -> Rights:
    """Returns the rights of an API key; a scope that this version does not know gives none."""
    held: set[Right] = set()
    for scope in scopes:
        name, parted, access = scope.rpartition(":")
        areas = KEY_AREAS.get(name, ()) if parted else sum(KEY_AREAS.values(), ())
        if access in OF_ALL:
            held |= {(area, Access(access)) for area in areas}
    return frozenset(held)


def scopes_within(rights: Rights) -> tuple[str, ...]:
    """Returns the scopes that somebody with these rights can give to a key."""
    return tuple(scope for scope in SCOPES if of_scopes((scope,)) <= rights)


def roles_within(rights: Rights) -> tuple[Role, ...]:
    """Returns the roles that somebody with these rights can give."""
    return tuple(role for role in Role if of_role(role) - {(Area.OWN, a) for a in Access} <= rights)


def key_scope(need: Right) -> str:
    """Returns the scope of an area that a key lacks for a right, as it is called in its error."""
    area, access = need
    named = next((name for name, areas in KEY_AREAS.items() if area in areas), "")
    return f"{named}:{access}" if named else access.value
