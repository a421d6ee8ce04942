"""A loopback PayPal: the resources that the adapter uses, as PayPal documents them. Never packaged.

It is held to PayPal's own published descriptions: tests check every request and every answer
against them (tests/data/paypal).
"""
