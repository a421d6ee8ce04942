"""A merchant who changes branding in the console, and people who meet it."""

from __future__ import annotations

from base64 import b64encode

from functions.portal import app as portal_app
from tests.branding.pictures import multipart, picture
from tests.console.agent import Agent
from tests.web.calls import Answer, Client, event
from tests.web.shop import Shop

HERE = "/console/branding"
BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"


def hidden(agent: Agent, address: str, name: str = "seen") -> str:
    """A hidden field of a page's forms."""
    fields = [each.attributes for each in agent.look(address).all("input")]
    return str(next(each["value"] for each in fields if each.get("name") == name))


def upload(
    agent: Agent,
    content: bytes | None = None,
    *,
    file: str = "logo.png",
    seen: str | None = None,
    csrf: str | None = None,
) -> Answer:
    """Send the form with a picture."""
    fields = {
        "csrf": agent.csrf() if csrf is None else csrf,
        "seen": hidden(agent, HERE) if seen is None else seen,
    }
    body = multipart(BOUNDARY, fields, "logo", file, picture() if content is None else content)
    return send_raw(agent, b64encode(body).decode(), f"multipart/form-data; boundary={BOUNDARY}")


def send_raw(agent: Agent, body: str, content_type: str, *, is_base64: bool = True) -> Answer:
    cookies = [f"{name}={value}" for name, value in agent.client.cookies.items() if value]
    headers = {"accept": "text/html", "content-type": content_type}
    return agent.client.send(
        event(
            "POST",
            f"{HERE}/logo",
            body,
            headers=headers,
            cookies=cookies,
            is_base64=is_base64,
        )
    )


def change(agent: Agent, **fields: str) -> Answer:
    """Send the form of colour, name and footer."""
    form = {"accent": "", "sender_name": "", "footer": "", "seen": hidden(agent, HERE), **fields}
    return agent.send(HERE, **form)


def branded(shop: Shop) -> Agent:
    """The world's merchant with a logo, a colour, a name and a footer."""
    agent = Agent.of(shop)
    assert upload(agent).status == 303
    done = change(
        agent, accent="#7700ff", sender_name="Acme Billing", footer="Acme GmbH\nHRB 1 <b>Berlin</b>"
    )
    assert done.status == 303, done.body
    return agent


def visitor(shop: Shop) -> Client:
    return Client(portal_app.build(shop.world.ports))
