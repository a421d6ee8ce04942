"""The law of cancelling, withdrawing and reminding, by where buyers live: data, and lookup."""
