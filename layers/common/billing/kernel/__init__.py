"""The core domain model: subscription, invoice, order and ledger."""
