"""The sandbox gateway: a ledger of its own and Stripe's test cards."""
