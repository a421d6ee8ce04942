"""The routes and shapes of taxes."""
