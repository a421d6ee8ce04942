"""Teams: the people of a merchant, their roles and rights, invitations, second factors (M-9)."""
