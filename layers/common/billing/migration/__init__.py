"""Moving in and out: exports of all that a merchant has (M-6)."""
