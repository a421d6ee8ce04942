"""Stripe's error answers (https://docs.stripe.com/api/errors)."""

from typing import Any


class StripeError(Exception):
    """An error object and its status.

    `began` says whether the endpoint had begun to execute: only then is the answer kept for its
    Idempotency-Key (https://docs.stripe.com/api/idempotent_requests). `keeps` is set where what
    the request did stays done, as a declined charge does.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        began: bool = True,
        headers: dict[str, str] | None = None,
        **fields: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.began = began
        self.keeps = False
        self.headers = headers or {}
        self.fields = {"message": message, "type": kind} | {
            name: value for name, value in fields.items() if value is not None
        }
        if code := fields.get("code"):
            self.fields["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"

    def body(self) -> dict[str, Any]:
        return {"error": self.fields}


def invalid(message: str, param: str | None = None, code: str | None = None) -> StripeError:
    """Returns the error for parameters that do not pass validation: nothing was begun."""
    return StripeError(400, message, began=False, param=param, code=code)


def refused(message: str, code: str | None = None, **fields: Any) -> StripeError:
    """Returns the error for a request that the present state forbids."""
    return StripeError(400, message, code=code, **fields)


def missing(kind: str, identifier: str, param: str = "id", status: int = 404) -> StripeError:
    """Returns the error for a missing object: 404 where the path names it, 400 where a
    parameter does.
    """
    name = kind.replace(".", " ")
    return StripeError(
        status, f"No such {name}: '{identifier}'", code="resource_missing", param=param
    )
