"""Flows of declarations: received, looked at, verified, carried out."""
