"""Settings of every test run: property tests that slow machines cannot fail."""

import os

from hypothesis import settings

# A deadline per example measures the machine, not the code. What lands is decided by the same
# examples each time; fresh ones are for whoever runs the tests by hand.
settings.register_profile("steady", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("steady")
