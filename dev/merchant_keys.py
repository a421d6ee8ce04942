"""Stores a merchant's gateway keys on the laptop, where the deployed functions read them from."""

import json
import os
from hashlib import sha256
from typing import Any

import boto3

from billing.kernel.gateways import AccountRef

STRIPE = "stripe"


def put(account: AccountRef, secrets: dict[str, Any]) -> None:
    """Stores an account's secrets in Parameter Store, which is the emulator's."""
    stage = os.environ.get("STAGE", "prod")
    boto3.client("ssm").put_parameter(
        Name=f"/perennial/{stage}/{account.merchant}/{account.gateway}/{account.account}",
        Value=json.dumps(secrets),
        Type="SecureString",
        Overwrite=True,
    )


def on_loopback(merchant: str, name: str, secrets: dict[str, Any]) -> AccountRef:
    """Stores the keys of an account at the loopback Stripe; returns the account.

    What was bought there needs it wherever new sales go.
    """
    account = AccountRef(merchant, STRIPE, f"{name}_test")
    put(account, secrets)
    return account


def at_paypal(merchant: str, name: str, secrets: dict[str, Any]) -> AccountRef:
    """Stores the keys of an account at the loopback PayPal; returns the account."""
    account = AccountRef(merchant, "paypal", name)
    put(account, secrets)
    return account


def own_stripe(merchant: str, secret_key: str) -> AccountRef:
    """Stores the key of somebody's own Stripe account in test mode; returns the account.

    Each key is an account of its own here.
    """
    assert secret_key.startswith("sk_test_"), "a live key moves money"
    name = sha256(secret_key.encode()).hexdigest()[:16]
    account = AccountRef(merchant, STRIPE, f"acct_{name}_test")
    put(account, {"secret_key": secret_key})
    return account
