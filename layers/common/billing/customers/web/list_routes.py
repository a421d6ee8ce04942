"""The routes of /v1 that list subscriptions, customers and invoices (M-1)."""

from __future__ import annotations

from billing.api.web import json_shapes, subscription_shapes
from billing.api.web.frame import Api, Call, Pdf, Xml
from billing.api.web.json_shapes import Listed
from billing.api.web.subscription_shapes import SubscriptionOutput
from billing.customers.flows import customers, updated
from billing.customers.web import shapes
from billing.customers.web.list_queries import CustomersQuery, InvoicesQuery, SubscriptionsQuery
from billing.invoices.flows import invoice_list
from billing.invoices.flows.invoice_list import Filter
from billing.kernel.errors import Refused
from billing.kernel.flows import subscription_list
from billing.kernel.lists import ChangedSince
from billing.kernel.ports import Ports
from billing.render.einvoice import NoEInvoice
from billing.web.inputs import Nothing


def declare(api: Api, ports: Ports, changed: ChangedSince) -> None:
    """Declares the routes on an API; `changed` asks the event log."""
    _subscriptions(api, ports, changed)
    _customers(api, ports)
    _invoices(api, ports)


def _subscriptions(api: Api, ports: Ports, changed: ChangedSince) -> None:
    @api.get("/v1/subscriptions", SubscriptionsQuery)
    def list_subscriptions(call: Call[SubscriptionsQuery]) -> Listed[SubscriptionOutput]:
        """List subscriptions, newest first.

        Those that are listed pass every filter that is given. A state that comes with time, such as
        the end of a cancelled subscription, is in that state's list minutes later.

        With `updated_since` it lists what changed from then on, oldest change first, as far back as
        90 days; changes of the last ten seconds come with the next question. It says `incomplete`
        where the log of events, which the first such question begins, is younger than that.
        """
        query, where = call.input, call.input.filter()
        since = query.since(call.zone)
        if since is not None:
            found, complete = updated.subscriptions(
                *(ports, changed, call.merchant, where),
                since=since,
                limit=query.limit,
                cursor=query.cursor,
                now=call.now,
            )
            shown = map(subscription_shapes.subscription, found.data)
            return json_shapes.listed(shown, found.next, complete=complete)
        page = subscription_list.page(
            ports,
            call.merchant,
            where,
            limit=query.limit,
            cursor=query.cursor,
            now=call.now,
        )
        return json_shapes.listed(
            map(subscription_shapes.subscription, page.data),
            page.next,
            complete=subscription_list.is_complete(call.merchant, where),
        )


def _customers(api: Api, ports: Ports) -> None:
    @api.get("/v1/customers", CustomersQuery)
    def find_customers(call: Call[CustomersQuery]) -> Listed[shapes.CustomerOutput]:
        """List customers, newest first; or find them by email, or by words.

        `email` finds the one customer that it belongs to. `q` finds the beginnings of words of
        names and emails, two letters or more, in the order of the words; accents and case do not
        matter, and of several words each must be there. Erased customers are not listed.
        """
        query = call.input
        page = customers.page(
            ports,
            call.merchant.id,
            email=query.email,
            search=query.search(),
            limit=query.limit,
            cursor=query.cursor,
        )
        complete = query.email is not None or call.merchant.lists_complete_at is not None
        return json_shapes.listed(map(shapes.customer, page.data), page.next, complete=complete)


def _invoices(api: Api, ports: Ports) -> None:
    @api.get("/v1/invoices", InvoicesQuery)
    def list_invoices(call: Call[InvoicesQuery]) -> Listed[shapes.InvoiceOutput]:
        """List invoices and credit notes, newest first.

        An invoice is listed from its payment on, a credit note once its refund is done; `from` and
        `to` are about that time. Invoices that are open or void are with their customer.
        """
        query = call.input
        wanted = Filter(query.customer, query.since(call.zone), query.until(call.zone))
        page = invoice_list.page(
            ports, call.merchant, wanted, limit=query.limit, cursor=query.cursor, now=call.now
        )
        return json_shapes.listed(map(shapes.document, page.data), page.next)

    @api.get("/v1/invoices/<invoice>")
    def show_invoice(call: Call[Nothing], invoice: str) -> shapes.InvoiceOutput:
        """Retrieve one invoice by its id, or one credit note by the Order ID of its refund."""
        return shapes.document(invoice_list.one(ports, call.merchant.id, invoice))

    @api.get("/v1/invoices/<invoice>/pdf")
    def download_invoice(call: Call[Nothing], invoice: str) -> Pdf:
        """Download a paid invoice, or a credit note, as it was issued."""
        number, content = invoice_list.pdf(ports, call.merchant, invoice)
        return Pdf(content, f"{number}.pdf")

    @api.get("/v1/invoices/<invoice>/xml")
    def download_e_invoice(call: Call[Nothing], invoice: str) -> Xml:
        """Download a paid invoice, or a credit note, as an e-invoice.

        It is a Cross Industry Invoice by EN 16931, as Factur-X and ZUGFeRD have it. Documents are
        e-invoices where you had a VAT ID when they were issued, each line has one rate of tax at
        most, and it is known why there is none on what has none. A credit note of tax alone is not
        an e-invoice: there is nothing in it that the tax would be on.
        """
        number, found = invoice_list.xml(ports, call.merchant, invoice)
        if isinstance(found, NoEInvoice):
            raise no_e_invoice(found)
        return Xml(found, f"{number}.xml")


def no_e_invoice(why: NoEInvoice) -> Refused:
    """Returns the refusal of an e-invoice that a document does not have."""
    match why:
        case NoEInvoice.NO_VAT_ID:
            return Refused("e_invoice_without_vat_id", code="no_e_invoice")
        case NoEInvoice.NO_ADDRESS:
            return Refused("e_invoice_without_address", code="no_e_invoice")
        case NoEInvoice.TAX_ALONE:
            return Refused("e_invoice_of_tax_alone", code="no_e_invoice")
        case NoEInvoice.SALES_TAX:
            return Refused("e_invoice_of_sales_tax", code="no_e_invoice")
        case NoEInvoice.UNTAXED:
            return Refused("e_invoice_untaxed", code="no_e_invoice")
