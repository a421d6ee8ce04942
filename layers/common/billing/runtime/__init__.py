"""The edge to the world: settings, telemetry, wiring; only here is the environment read."""
