"""Emails as people type them: with a domain in their own script."""

from __future__ import annotations


def with_ascii_domain(email: str) -> str:
    """Spells the domain as DNS has it: ann@bücher.example is ann@xn--bcher-kva.example.

    What is no domain stays as it is, for those to refuse who check emails.
    """
    mailbox, at, domain = email.rpartition("@")
    if domain.isascii():
        return email
    import idna  # its tables take 10 ms, and few emails need them

    try:
        return mailbox + at + idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return email
