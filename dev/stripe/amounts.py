"""Limits of charge amounts
(https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts).
"""

from dev.stripe.errors import invalid

_MOST = 99_999_999
_LEAST = {
    "aed": 200,
    "aud": 50,
    "bgn": 100,
    "brl": 50,
    "cad": 50,
    "chf": 50,
    "czk": 1500,
    "dkk": 250,
    "eur": 50,
    "gbp": 30,
    "hkd": 400,
    "huf": 17500,
    "ils": 200,
    "inr": 50,
    "jpy": 50,
    "mxn": 1000,
    "myr": 200,
    "nok": 300,
    "nzd": 50,
    "pln": 200,
    "ron": 200,
    "sek": 300,
    "sgd": 50,
    "thb": 1000,
    "usd": 50,
    "zar": 900,
}


def checked(amount: int, currency: str) -> None:
    """Raises Stripe's error for an amount or currency that Stripe refuses."""
    if len(currency) != 3 or not currency.isalpha():
        raise invalid(f"Invalid currency: {currency}.", "currency")
    if amount < 1:
        raise invalid(
            "This value must be greater than or equal to 1.", "amount", "parameter_invalid_integer"
        )
    if amount > _MOST:
        raise invalid("Amount must be no more than 999,999.99.", "amount", "amount_too_large")
    if amount < _LEAST.get(currency.lower(), 50):
        raise invalid(
            f"Amount must be at least {_LEAST.get(currency.lower(), 50)} minor units of"
            f" {currency}.",
            "amount",
            "amount_too_small",
        )
