"""A Stripe on the loopback: the unchanged official SDK talks to it through its base address.

It has the resources that we use, with the behaviour that https://docs.stripe.com describes, and
shapes that tests hold to Stripe's published example objects. Never packaged.
"""
