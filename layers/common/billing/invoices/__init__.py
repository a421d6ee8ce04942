"""Invoices as documents: numbers, links, PDFs."""
