"""VIES, the European Commission's register of VAT ids, over its REST API (C-7).

`POST check-vat-number` (https://ec.europa.eu/taxation_customs/vies/#/technical-information). An
answer with `valid` says yes or no; all else, as MS_UNAVAILABLE or TIMEOUT of a member state, says
nothing about the id. It is asked while a buyer waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing.kernel.errors import Unavailable
from billing.kernel.tax_ids import RegisterAnswer

if TYPE_CHECKING:
    import requests

ENDPOINT = "https://ec.europa.eu/taxation_customs/vies/rest-api/check-vat-number"
SECONDS_MOST = 4.0
"""The most seconds to wait for the answer."""

PREFIX = 2
"""The length of a country's prefix; Greece's is EL, Northern Ireland's XI."""

REFERENCE_MOST = 64
OK = 200


class Vies:
    """The register, asked over HTTPS."""

    def __init__(self, session: requests.Session, endpoint: str = ENDPOINT) -> None:
        self._session = session
        self._endpoint = endpoint

    def look_up(self, tax_id: str, *, asker: str | None) -> RegisterAnswer:
        """Returns what VIES says; raises `Unavailable` where it says nothing."""
        import requests

        asked = {"countryCode": tax_id[:PREFIX], "vatNumber": tax_id[PREFIX:]}
        if asker is not None:
            asked["requesterMemberStateCode"] = asker[:PREFIX]
            asked["requesterNumber"] = asker[PREFIX:]
        try:
            answer = self._session.post(self._endpoint, json=asked)
            said = answer.json()
        except requests.RequestException as lost:  # of the connection, or no JSON
            raise Unavailable(f"VIES: {type(lost).__name__}.") from lost
        return _answer(answer.status_code, said)


def _answer(status: int, said: Any) -> RegisterAnswer:
    valid = said.get("valid") if isinstance(said, dict) else None
    if status != OK or not isinstance(valid, bool):
        raise Unavailable(f"VIES says nothing of it: {status} {str(said)[:200]}")
    reference = said.get("requestIdentifier")
    named = isinstance(reference, str) and 0 < len(reference) <= REFERENCE_MOST
    return RegisterAnswer(valid, reference if named else None)
