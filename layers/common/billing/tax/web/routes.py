"""The routes of /v1 about taxes: registrations, rates, the report (C-7)."""

from __future__ import annotations

from collections.abc import Mapping

from billing.api.web import json_shapes
from billing.api.web.frame import Api, Call, Csv, CsvInput, Later
from billing.api.web.json_shapes import Listed
from billing.api.web.queries import PageQuery
from billing.kernel.flows import subscriptions
from billing.kernel.ports import Ports
from billing.kernel.subscription import Source
from billing.refunds.flows import refund
from billing.tax import csv_rates, csv_report
from billing.tax.flows import business, setup, sums
from billing.tax.flows.taxation import today
from billing.tax.web import business_ids, shapes
from billing.tax.web.shapes import (
    BuyersTaxIdInput,
    RateInput,
    RegistrationInput,
    ReportQuery,
    TaxRefundInput,
    TaxSettingsInput,
)
from billing.web.inputs import Nothing
from billing.web.problems import Misshapen


def declare(api: Api, ports: Ports) -> None:
    """Declares the routes of registrations, rates and the report."""
    _registrations(api, ports)
    _rates(api, ports)
    _report(api, ports)
    _settings(api, ports)


def declare_of_subscriptions(api: Api, ports: Ports) -> None:
    """Declares the route of the tax id of a subscription's buyer."""

    @api.post("/v1/subscriptions/<subscription>/tax-id", BuyersTaxIdInput, status=200)
    def enter_tax_id(call: Call[BuyersTaxIdInput], subscription: str) -> shapes.BuyersTaxIdOutput:
        """Enter the tax id of a subscription's buyer for its next invoices, or take it away."""
        given = call.input
        found = subscriptions.fresh(ports, call.merchant.id, subscription)
        entered = business.enter(
            ports,
            found,
            lambda country: (
                None if given.tax_id is None else business_ids.checked(country, given.tax_id)
            ),
            reference=given.reference,
            is_confirmed=given.confirmed,
        )
        return shapes.tax_id(entered)


def declare_of_orders(api: Api, ports: Ports, errors: Mapping[str, str]) -> None:
    """Declares the route of a refund of tax alone; `errors` are those of refunds."""

    @api.post("/v1/orders/<order>/refund-tax", TaxRefundInput, errors=errors)
    def refund_tax_of_order(
        call: Call[TaxRefundInput], order: str
    ) -> json_shapes.RefundOutput | Later[json_shapes.RefundUnderWayOutput]:
        """Refund the tax of a payment alone, all that is left of it, on proof that none was owed.

        Access, credit and what was paid for stay as they are. 202 and Idempotency-Key as for a
        refund.
        """
        given = refund.request(
            ports,
            refund.payment(ports, call.merchant.id, order),
            amount_minor=None,
            source=Source.MERCHANT,
            reason=call.input.proof,
            name=call.named,
            now=call.now,
            takes=refund.Takes.NONE,
        )
        if isinstance(given, refund.UnderWay):
            return Later(json_shapes.refund_under_way(given.entry))
        return json_shapes.refund(given)


def _settings(api: Api, ports: Ports) -> None:
    @api.get("/v1/tax/settings")
    def show_tax_settings(call: Call[Nothing]) -> shapes.TaxSettingsOutput:
        """Show how buyers' tax ids are believed, and whether you sell without tax."""
        return shapes.settings(setup.of(ports, call.merchant))

    @api.patch("/v1/tax/settings", TaxSettingsInput)
    def change_tax_settings(call: Call[TaxSettingsInput]) -> shapes.TaxSettingsOutput:
        """Change settings about tax; what is left out stays."""
        given = call.input
        changed = setup.change(
            ports,
            call.merchant,
            vies=given.vies,
            trust_format=given.trust_format,
            sells_without_tax=given.sells_without_tax,
        )
        return shapes.settings(changed)


def _registrations(api: Api, ports: Ports) -> None:
    @api.post("/v1/tax/registrations", RegistrationInput)
    def register(call: Call[RegistrationInput]) -> shapes.RegistrationOutput:
        """Register for a tax: sales to that place are taxed from now on, or once a threshold is
        reached."""
        wanted = call.input.registration()
        made = setup.register(ports, call.merchant, wanted, now=call.now)
        return shapes.registration(made)

    @api.get("/v1/tax/registrations")
    def list_registrations(call: Call[Nothing]) -> Listed[shapes.RegistrationOutput]:
        """List registrations, ended ones too."""
        return json_shapes.listed(shapes.registrations(setup.of(ports, call.merchant)), None)

    @api.delete("/v1/tax/registrations/<registration>")
    def end_registration(call: Call[Nothing], registration: str) -> shapes.RegistrationOutput:
        """End a registration: from today on nothing is taxed by it."""
        return shapes.registration(setup.end(ports, call.merchant, registration, now=call.now))


def _rates(api: Api, ports: Ports) -> None:
    @api.post("/v1/tax/rates", RateInput)
    def set_rate(call: Call[RateInput]) -> shapes.RateRow:
        """Enter a rate, or correct the one of the same place, name and day."""
        place, rate = call.input.place(), call.input.dated()
        made = setup.set_rate(ports, call.merchant, place, rate, now=call.now)
        return shapes.rate(made, rate)

    @api.get("/v1/tax/rates", PageQuery)
    def list_rates(call: Call[PageQuery]) -> Listed[shapes.RateRow]:
        """List your rates by place; a page ends with a place, so it may have more rates than
        `limit`."""
        query = call.input
        after = None if query.cursor is None else setup.place_at(query.cursor)
        page = setup.table(ports, call.merchant, limit=query.limit, after=after)
        rows = [row for place in page.data for row in shapes.rates(place)]
        return json_shapes.listed(rows, page.next)

    @api.get("/v1/tax/rates.csv")
    def download_rates(call: Call[Nothing]) -> Csv:
        """Download your table of rates, in the form in which it can be sent again."""
        return Csv(
            "".join(csv_rates.written(setup.whole_table(ports, call.merchant))), "tax-rates.csv"
        )

    @api.put("/v1/tax/rates.csv", CsvInput)
    def replace_rates(call: Call[CsvInput]) -> shapes.TableOutput:
        """Replace your table of rates by a file with the columns country, state, postal_code, name,
        rate and from; one wrong row, and nothing is changed."""
        rows, wrong = csv_rates.read(call.input.csv)
        if wrong:
            raise Misshapen([row.error.at(f"csv[{row.line}].{row.error.field}") for row in wrong])
        return {"places": setup.replace_table(ports, call.merchant, rows, now=call.now)}

    @api.get("/v1/tax/vat")
    def show_vat_table(call: Call[Nothing]) -> shapes.VatTableOutput:
        """Show the built-in table of VAT rates, its sources, and when it was compared with them."""
        return shapes.vat_table(today(call.merchant, call.now))


def _report(api: Api, ports: Ports) -> None:
    @api.get("/v1/tax/report", ReportQuery)
    def report(call: Call[ReportQuery]) -> Listed[shapes.ReportRowOutput]:
        """Report what was taxed in some days, by jurisdiction and rate; refunds are taken off on
        their own day. Payments of the sandbox are in rows of their own."""
        since, until = call.input.days()
        found = sums.report(ports, call.merchant, since, until)
        return json_shapes.listed(map(shapes.row, found), None)

    @api.get("/v1/tax/report.csv", ReportQuery)
    def download_report(call: Call[ReportQuery]) -> Csv:
        """Download the report as CSV."""
        since, until = call.input.days()
        found = sums.report(ports, call.merchant, since, until)
        return Csv("".join(csv_report.written(found)), f"tax-{since}-{until}.csv")
