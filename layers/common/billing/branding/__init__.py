"""A merchant's looks and own words: logo, colour, footer, sender name, texts of mails (M-11)."""
