"""Pages, mails and the invoice PDF, in the buyer's language."""
