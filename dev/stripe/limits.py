"""Rate limits, off until they are switched on (https://docs.stripe.com/rate-limits)."""

from collections import defaultdict, deque
from dataclasses import dataclass, field
from threading import Lock

from dev.stripe.errors import StripeError

_WINDOW_SECONDS = 1.0


@dataclass
class Limits:
    """Limits of requests a second, by the real clock: of all together, and of each endpoint."""

    overall: int | None = None
    endpoint: int | None = None
    _seen: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    _lock: Lock = field(default_factory=Lock)

    def check(self, method: str, path: str, now: float) -> None:
        """Refuses requests above the limit; what is refused does not count."""
        # Every object's confirmations are one endpoint.
        shape = "/".join(
            "*" if "_" in part and any(map(str.isdigit, part)) else part for part in path.split("/")
        )
        with self._lock:
            for name, limit, reason in (
                ("", self.overall, "global-rate"),
                (f"{method} {shape}", self.endpoint, "endpoint-rate"),
            ):
                if limit is None:
                    continue
                seen = self._seen[name]
                while seen and seen[0] <= now - _WINDOW_SECONDS:
                    seen.popleft()
                if len(seen) >= limit:
                    raise _too_many(reason)
            for name in ("", f"{method} {shape}"):
                self._seen[name].append(now)


def _too_many(reason: str) -> StripeError:
    return StripeError(
        429,
        "Request rate limit exceeded. Learn more about rate limits at"
        " https://stripe.com/docs/rate-limits.",
        code="rate_limit",
        began=False,
        headers={"stripe-rate-limited-reason": reason},
    )
