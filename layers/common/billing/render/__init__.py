"""What people read: pages, mails and the invoice PDF, in the buyer's language."""
