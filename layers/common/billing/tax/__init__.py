"""Sales tax and VAT: where a merchant collects it, at which rates, and the report (C-7, C-10)."""
