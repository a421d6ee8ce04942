"""The sandbox gateway: a ledger of its own and test cards."""
