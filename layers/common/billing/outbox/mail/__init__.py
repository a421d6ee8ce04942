"""Mails of outbox events about payments, subscriptions and chargebacks."""
