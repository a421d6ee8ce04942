"""The edge of the program: settings, telemetry, wiring; only here is the environment read."""
