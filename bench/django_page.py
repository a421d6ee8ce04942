"""The portal page beside the same page as a small Django project would have it.

Django reads a session, a subscription and its payments from SQLite in memory, and renders a page
with forms, dates, amounts and translations through its usual middleware; ours reads the in-memory
store. Both show 20 payments, in turns in this process; the best of three rounds counts.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

import django
from django.conf import settings
from django.db import connection, models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from bench.figures import Figure, Report
from bench.growth import PAID, best_in_turns, payer, portal_call

HALF = 0.5
"""The goal: at most half of Django's."""

BASE = """<!doctype html>{% load i18n %}<html lang="{{ LANGUAGE_CODE }}"><head>
<meta charset="utf-8"><title>{% block title %}{% endblock %}</title>
<link rel="stylesheet" href="/static/site.css"></head><body><header><a href="/">Acme</a>
<form method="post" action="/logout">{% csrf_token %}<button>{% trans "Log out" %}</button></form>
</header><main>{% block inside %}{% endblock %}</main></body></html>"""

PAGE = """{% extends "base.html" %}{% load i18n humanize %}
{% block title %}{% trans "Log in" %}{% endblock %}{% block inside %}
<h1>{% trans "Change" %}</h1><section class="card"><h2>{{ subscription.product }}</h2>
<p>{{ subscription.terms }}</p>
<p><strong>{{ subscription.amount_minor|intcomma }} {{ subscription.currency }},
{{ subscription.next_at|date:"DATE_FORMAT" }}</strong></p>
<a href="/subscriptions/{{ subscription.id }}/cancel">{% trans "Cancel" %}</a>
<table>{% for payment in payments %}<tr><td>{{ payment.at|date:"DATE_FORMAT" }}</td>
<td>{{ payment.order }}</td><td>{{ payment.amount|floatformat:"2g" }} {{ payment.currency }}</td>
<td>{% if payment.refunded_minor %}{% trans "Yes" %}{% else %}{% trans "No" %}{% endif %}</td>
<td><a href="{% url 'invoice' payment.id %}">{% trans "View" %}</a></td>
<td><form method="post" action="/refund/{{ payment.id }}">{% csrf_token %}
<button>{% trans "Delete" %}</button></form></td></tr>{% endfor %}</table></section>
{% endblock %}"""


def measure(report: Report) -> None:
    """Measures both pages in turns."""
    calls: dict[int, Callable[[], object]] = {0: _django_page(), 1: portal_call(payer(PAID[0]))}
    best = best_in_turns(calls)
    report.add(
        Figure(f"a Django page of {PAID[0]} payments", best[0] * 1e3, "ms CPU"),
        Figure("the portal page against it", best[1] / best[0], "times", HALF, at_most=True),
    )


def _django_page() -> Callable[[], object]:
    _set_up()
    from django.core.handlers.wsgi import WSGIHandler

    subscription, payment = _models()
    now = datetime(2026, 11, 29, tzinfo=UTC)
    with connection.schema_editor() as tables:
        tables.create_model(subscription)
        tables.create_model(payment)
    bought = subscription.objects.create(
        customer=1, product="Course", terms="$29.99 every month", amount_minor=2999, next_at=now
    )
    for number in range(PAID[0]):
        payment.objects.create(
            subscription=bought, at=now - timedelta(days=7 * number), order=f"ORDER-{number:05d}"
        )
    settings.ROOT_URLCONF = _Urls(subscription, payment)
    handler, cookie = WSGIHandler(), _session_cookie()

    def see() -> None:
        answered: list[str] = []
        body = b"".join(handler(_environ(cookie), lambda status, headers: answered.append(status)))
        assert answered == ["200 OK"] and body.count(b"<tr>") == PAID[0], body[:400]

    return see


def _set_up() -> None:
    middleware = (
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.locale.LocaleMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    )
    loader = ("django.template.loaders.locmem.Loader", {"base.html": BASE, "page.html": PAGE})
    cached = ("django.template.loaders.cached.Loader", [loader])
    processors = ["django.template.context_processors." + name for name in ("csrf", "i18n")]
    settings.configure(
        SECRET_KEY=token_hex(),
        ALLOWED_HOSTS=["*"],
        USE_TZ=True,
        MIDDLEWARE=middleware,
        INSTALLED_APPS=["django.contrib.sessions", "django.contrib.humanize"],
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {"loaders": [cached], "context_processors": processors},
            }
        ],
    )
    django.setup()


def _models() -> tuple[Any, Any]:
    class Subscription(models.Model):  # type: ignore[misc]
        """A subscription, with all that the page shows of it."""

        customer = models.IntegerField(db_index=True)
        product = models.CharField(max_length=100)
        terms = models.CharField(max_length=100)
        amount_minor = models.IntegerField()
        currency = models.CharField(max_length=3, default="USD")
        next_at = models.DateTimeField()

        class Meta:
            """No project, so an application is named."""

            app_label = "bench"

    class Payment(models.Model):  # type: ignore[misc]
        """A payment of it."""

        subscription = models.ForeignKey(Subscription, models.CASCADE)
        at = models.DateTimeField()
        order = models.CharField(max_length=20)
        amount_minor = models.IntegerField(default=2999)
        refunded_minor = models.IntegerField(default=0)
        currency = models.CharField(max_length=3, default="USD")

        class Meta:
            """No project, so an application is named."""

            app_label = "bench"

        @property
        def amount(self) -> float:
            """The amount in its major unit, as the template shows it."""
            return float(self.amount_minor / 100)

    return Subscription, Payment


class _Urls:
    """The routes, as a module of a project would have them."""

    def __init__(self, subscription: Any, payment: Any) -> None:
        def page(request: HttpRequest) -> HttpResponse:
            bought = subscription.objects.get(customer=request.session["customer"])
            paid = payment.objects.filter(subscription=bought).order_by("-at")[:50]
            return render(request, "page.html", {"subscription": bought, "payments": paid})

        def invoice(request: HttpRequest, number: int) -> HttpResponse:
            return HttpResponse(str(number))

        self.urlpatterns = [
            path("portal", page),
            path("invoice/<int:number>", invoice, name="invoice"),
        ]


def _session_cookie() -> str:
    from django.contrib.sessions.backends.signed_cookies import SessionStore

    session = SessionStore()
    session["customer"] = 1
    session.save()
    return str(session.session_key)


def _environ(cookie: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/portal",
        "SERVER_NAME": "pay.example.com",
        "SERVER_PORT": "443",
        "HTTP_ACCEPT_LANGUAGE": "en-US,en;q=0.9",
        "HTTP_COOKIE": f"sessionid={cookie}",
        "wsgi.input": io.BytesIO(),
        "wsgi.url_scheme": "https",
        "wsgi.errors": io.StringIO(),
    }


if __name__ == "__main__":
    measure(Report())
