"""PayPal's answers, and its refusals in the shape that its descriptions publish."""

from __future__ import annotations

from typing import Any

from billing.kernel.values import Value

Json = dict[str, Any]

NAMES = {
    400: "INVALID_REQUEST",
    401: "AUTHENTICATION_FAILURE",
    403: "NOT_AUTHORIZED",
    404: "RESOURCE_NOT_FOUND",
    409: "RESOURCE_CONFLICT",
    422: "UNPROCESSABLE_ENTITY",
    500: "INTERNAL_SERVER_ERROR",
}

SEMANTICS = "semantically incorrect, or failed business validation."
MESSAGES = {
    400: "Request is not well-formed, syntactically incorrect, or violates schema.",
    401: "Authentication failed due to missing authorization header, or invalid authentication "
    "credentials.",
    403: "Authorization failed due to insufficient permissions.",
    404: "The specified resource does not exist.",
    409: "The server has detected a conflict while processing this request.",
    422: f"The requested action could not be performed, {SEMANTICS}",
    500: "An internal server error has occurred.",
}
"""PayPal's own sentences, as its descriptions fix them."""


class Answer(Value):
    """A response: a status and its JSON; None for no content."""

    status: int
    body: Json | None


class Refusal(Exception):
    """A refusal by PayPal of a request, with the code of its reason."""

    def __init__(self, status: int, issue: str, links: list[Json] | None = None) -> None:
        super().__init__(issue)
        self.status, self.issue, self.links = status, issue, links

    @property
    def answer(self) -> Answer:
        body = {
            "name": NAMES[self.status],
            "message": MESSAGES[self.status],
            "debug_id": "90957fca61718",
            "details": [{"issue": self.issue}],
        }
        return Answer(self.status, {**body, "links": self.links} if self.links else body)
