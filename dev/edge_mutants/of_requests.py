"""Mutants of requests and answers: what is read at all, and what browsers are told."""

from __future__ import annotations

from dev.edge_mutants.mutant import GUARDS, Cut, Mutant

REQUEST = "billing.web.request"
HTTP = "billing.web.http"
PROBLEMS = "billing.web.problems"
WEBHOOKS = "billing.gateway_events.web.webhooks"

_TESTS = ("tests/web/test_request.py",)

_TYPE = Cut(REQUEST, "if body and request.content_type not in taken:", "if False:")
_FORMS = Cut(
    REQUEST,
    'if not path.startswith("/v1/"):',
    "if True:",
)
_READS_JSON = Cut(REQUEST, "if not self.is_json:", "if False:")


def _twice(name: str, cut: Cut) -> Mutant:
    why = "the type is checked as it is let in, and as it is read"
    return Mutant(f"request: {name}", (cut,), _TESTS, redundant=why)


def _of(
    name: str, old: str, new: str, module: str = REQUEST, tests: tuple[str, ...] = _TESTS
) -> Mutant:
    return Mutant(f"request: {name}", (Cut(module, old, new),), tests)


def _header(name: str, old: str, new: str = "") -> Mutant:
    return Mutant(f"answer: {name}", (Cut(HTTP, old, new),), _TESTS)


OF_REQUESTS: tuple[Mutant, ...] = (
    _of("a body of any size", "if len(raw) > most_bytes:", "if False:"),
    _of(
        "a gateway's body of any size",
        "most_bytes=MAX_BODY_BYTES",
        "most_bytes=10**9",
        WEBHOOKS,
        (GUARDS,),
    ),
    _twice("a body of any type", _TYPE),
    _twice("forms at the API", _FORMS),
    _twice("JSON read from a form", _READS_JSON),
    Mutant("request: JSON in any body", (_TYPE, _READS_JSON), _TESTS),
    _of("a form read from JSON", "if self.content_type != FORM:", "if False:"),
    _of(
        "a compressed body",
        'if body and request.headers.get("content-encoding", "identity").lower() != "identity":',
        "if False:",
    ),
    _of("any depth", "if _depth(text) > MAX_DEPTH:", "if False:"),
    _of("a name twice in JSON", "if len(document) != len(pairs):", "if False:"),
    _of("a name twice in a form", "if name in fields:", "if False:"),
    _of("any number of fields", "max_num_fields=MAX_FIELDS", "max_num_fields=None"),
    _of("not a number", "parse_constant=_constant,", ""),
    _of("an endless number", 'if number in (float("inf"), float("-inf")):', "if False:"),
    _of("a number of any length", 'if len(digits.lstrip("-")) > MAX_DIGITS:', "if False:"),
    _of("half a character", "json.dumps(document, ensure_ascii=False).encode()", "pass"),
    _of(
        "an id of any length",
        "len(text) <= LONGEST_ID and ",
        "",
        tests=("tests/portal/test_isolation.py",),
    ),
    _of("an id of any symbols", " and set(text) <= ID_SYMBOLS", ""),
    _of(
        "our own errors are quoted",
        "known = error if isinstance(error, BillingError) else BillingError()",
        "known = error if isinstance(error, BillingError) else BillingError(str(error))",
        PROBLEMS,
    ),
    _header("plain http", '    "Strict-Transport-Security": "max-age=63072000",\n'),
    _header("a guessed type", '    "X-Content-Type-Options": "nosniff",\n'),
    _header("addresses go to other sites", '    "Referrer-Policy": "no-referrer",\n'),
    _header("kept by a proxy", '    "Cache-Control": "no-store",\n'),
    _header("loads from anywhere", "default-src 'none'; "),
    _header("framed by the policy", "frame-ancestors 'none'; "),
    _header("framed by the header", ', "X-Frame-Options": "DENY"'),
    _header("a base from elsewhere", "; base-uri 'none'"),
    _header("forms go to other sites", "form-action 'self'; "),
    _header("any style", "'nonce-%s'", "'unsafe-inline'"),
    _header("one nonce for all", "nonce = token_urlsafe(16)", 'nonce = "nonce"'),
)
