"""The one aggregate that everything turns on: subscription, invoice, order, ledger."""
