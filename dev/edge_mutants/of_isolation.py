"""Mutants of isolation: of merchants, of customers, of domains (A-8, A-9, B-2, H-3, M-3)."""

from __future__ import annotations

from dev.edge_mutants.mutant import GUARDS, Cut, Mutant

_API = ("tests/api/test_openapi.py",)
_PORTAL = ("tests/portal/test_isolation.py",)
_HELPDESK = ("tests/helpdesk/test_isolation.py",)
_HOSTS = (GUARDS, "tests/security/test_hosts.py", "tests/kernel/test_domains.py")


def _of(name: str, module: str, old: str, new: str, tests: tuple[str, ...]) -> Mutant:
    return Mutant(f"isolation: {name}", (Cut(module, old, new),), tests)


OF_ISOLATION: tuple[Mutant, ...] = (
    _of(
        "a subscription, an order or a card by its id is anybody's",
        "billing.storage.index_keys",
        'Place(f"M#{merchant}#ID#{entity_id}", "ID")',
        'Place(f"M#ID#{entity_id}", "ID")',
        _API,
    ),
    _of(
        "a request is anybody's",
        "billing.storage.keys",
        'Partition(f"M#{merchant}#T#{ticket}", EVERYTHING)',
        'Partition(f"M#acme#T#{ticket}", EVERYTHING)',
        (*_API, *_HELPDESK),
    ),
    _of(
        "a customer is anybody's",
        "billing.storage.keys",
        'return f"M#{merchant}#C#{customer}"',
        'return f"M#C#{customer}"',
        _API,
    ),
    _of(
        "a product is anybody's",
        "billing.storage.keys",
        'Key(f"M#{merchant}", f"PRODUCT#{product}")',
        'Key("M#acme", f"PRODUCT#{product}")',
        _API,
    ),
    _of(
        "a draft of a product is anybody's",
        "billing.console.web.drafts",
        'digest(f"{desk.merchant}:{draft}")',
        "digest(draft)",
        ("tests/console/test_wizard.py",),
    ),
    Mutant(
        "isolation: a price point is changed by anybody",
        (Cut("billing.catalog.flows.products", " or before.merchant != merchant.id:", ":"),),
        _API,
        redundant="its product is looked up under the caller's merchant",
    ),
    _of(
        "keys are everybody's",
        "billing.storage.index_keys",
        'return IndexPartition(LOOKUP, f"M#{merchant}#KEYS")',
        'return IndexPartition(LOOKUP, "M#acme#KEYS")',
        _API,
    ),
    _of(
        "a plan is changed to another seller's",
        "billing.plans.flows.change_plan",
        " or point.merchant != found.merchant:",
        ":",
        (GUARDS,),
    ),
    _of(
        "a cursor is of any list",
        "billing.kernel.cursors",
        "if check != _check(position, of):",
        "if False:",
        (GUARDS,),
    ),
    _of(
        "everybody is the platform's support",
        "billing.accounts.web.routes",
        "if call.merchant.id != ports.operation.platform:",
        "if False:",
        ("tests/accounts/test_pages.py",),
    ),
    _of(
        "a gateway's payment is any merchant's",
        "billing.storage.store",
        "found if found and found.merchant == account.merchant else None",
        "found",
        ("tests/gateway_events/test_webhooks.py",),
    ),
    _of(
        "a portal's session is of any merchant",
        "billing.customers.web.portal_session",
        ' or held.kept["merchant"] != merchant.id',
        "",
        _PORTAL,
    ),
    _of(
        "a subscription in the portal is anybody's",
        "billing.customers.flows.customer_view",
        "purchase.subscription is not None and purchase.id == subscription:",
        "purchase.subscription is not None:",
        _PORTAL,
    ),
    _of(
        "a customer's thread is anybody's",
        "billing.helpdesk.flows.ticket",
        "if found.ticket.customer != customer:",
        "if False:",
        _HELPDESK,
    ),
    _of(
        "a thread opens without its key",
        "billing.helpdesk.web.thread_pages",
        'if not compare_digest((key_of(who, found.ticket) or "").encode(), key.encode()):',
        "if False:",
        _HELPDESK,
    ),
    _of(
        "an answer by mail joins any merchant's request",
        "billing.outbox.flows.answers",
        'found.get("merchant") == merchant and ',
        "",
        ("tests/helpdesk/test_inbound.py",),
    ),
    _of(
        "an Order ID signs in with any email",
        "billing.customers.flows.login",
        "found = customer if same else None",
        "found = customer",
        ("tests/portal/test_login.py",),
    ),
    _of(
        "a domain is given twice",
        "billing.accounts.flows.settings",
        "if held is not None and held.merchant != merchant.id:",
        "if False:",
        _HOSTS,
    ),
    _of(
        "a domain shows another merchant's portal",
        "billing.kernel.domains",
        "if kind in NAMED and named in {HERE, merchant}:",
        "if kind in NAMED:",
        _HOSTS,
    ),
    _of(
        "a domain sells another merchant's products",
        "billing.kernel.domains",
        "if not dot or whose == merchant:",
        "if True:",
        _HOSTS,
    ),
    _of(
        "a domain shows the console",
        "billing.kernel.domains",
        'ANYWHERE = frozenset({"health", "sandbox"})',
        'ANYWHERE = frozenset({"health", "sandbox", "console", "account", "v1"})',
        _HOSTS,
    ),
    _of(
        "a domain of the cloud is given",
        "billing.kernel.domains",
        'return not any(host == each or host.endswith(f".{each}") for each in kept if each)',
        "return True",
        _HOSTS,
    ),
    _of(
        "links name the host of the request",
        "billing.web.custom_domains",
        "return ports.operation.public_url or request.base_url",
        "return request.base_url",
        _HOSTS,
    ),
    _of(
        "the API's links name the host of the request",
        "billing.api.web.frame",
        "base_url = self._ports.operation.public_url or request.base_url",
        "base_url = request.base_url",
        _HOSTS,
    ),
)
