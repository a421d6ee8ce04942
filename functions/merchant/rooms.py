"""The routes of /v1 that rooms declare themselves; each is loaded with the first that needs it."""

from __future__ import annotations

from functools import partial

from billing.api.web.frame import Api
from billing.kernel.ports import Ports


def lists(api: Api, ports: Ports) -> None:
    """Declares the routes of the lists of customers, subscriptions and invoices."""
    from billing.customers.web import list_routes
    from billing.event_log.flows import read

    list_routes.declare(api, ports, partial(read.changed, ports))


def plans(api: Api, ports: Ports) -> None:
    """Declares the routes of changes of plan."""
    from billing.plans.web import routes

    routes.declare(api, ports)


def account(api: Api, ports: Ports) -> None:
    """Declares the routes of the merchant's own account."""
    from billing.accounts.web import routes

    routes.declare(api, ports)


def helpdesk(api: Api, ports: Ports) -> None:
    """Declares the routes of tickets."""
    from billing.helpdesk.web import routes

    routes.declare(api, ports)


def taxes(api: Api, ports: Ports) -> None:
    """Declares the routes of taxes."""
    from billing.tax.web import routes

    routes.declare(api, ports)


def tax_ids(api: Api, ports: Ports) -> None:
    """Declares the routes of the tax ids of subscriptions' buyers."""
    from billing.tax.web import routes

    routes.declare_of_subscriptions(api, ports)


def coupons(api: Api, ports: Ports) -> None:
    """Declares the routes of coupons."""
    from billing.coupons.web import routes

    routes.declare(api, ports)


def coupon_uses(api: Api, ports: Ports) -> None:
    """Declares the routes of subscriptions' coupons."""
    from billing.coupons.web import routes

    routes.declare_uses(api, ports)


def events(api: Api, ports: Ports) -> None:
    """Declares the routes of the event log."""
    from billing.event_log.web import routes

    routes.declare(api, ports)
