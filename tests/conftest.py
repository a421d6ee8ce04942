"""What every test run needs: property tests that slow machines cannot fail."""

from hypothesis import settings

# A deadline per example measures the machine, not the code.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")
