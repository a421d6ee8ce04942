"""Flows that every capability uses: paged lists, due items, gateway payments."""
