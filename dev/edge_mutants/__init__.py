"""Mutation testing of the edge: each guard of a request is removed in turn and must be missed.

    python -m dev.edge_mutants [-k TEXT]

The guards of the charge protocol have their own in `sim/mutants/`.
"""
