"""Declarations of customers: to cancel, or to withdraw from, a contract (X-10)."""
