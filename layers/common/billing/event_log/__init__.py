"""The event log: what happened to a merchant's purchases, for programs that ask (M-5)."""
