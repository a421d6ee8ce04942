"""The routes of figures in /v1 (M-10)."""

from __future__ import annotations

from billing.api.web import json_shapes
from billing.api.web.frame import Api, Call, Csv
from billing.api.web.json_shapes import OrderOutput
from billing.figures import csv_figures
from billing.figures.flows import read, read_cohorts
from billing.figures.periods import Length
from billing.figures.sums import month_of
from billing.figures.web import cohort_routes, shapes
from billing.figures.web.shapes import FiguresQuery, RowsQuery
from billing.kernel.money import Currency
from billing.kernel.periods import Anchor
from billing.kernel.ports import Ports


def declare(api: Api, ports: Ports) -> None:
    """Declares figures, their file, the rows behind them, and what follows cohorts and cases."""
    cohort_routes.declare(api, ports)

    @api.get("/v1/figures", FiguresQuery)
    def show_figures(call: Call[FiguresQuery]) -> shapes.FiguresOutput:
        """Show recurring revenue with its movements, customers, churn and sales, by month or day in
        your time zone. A merchant in test mode sees test figures."""
        query = call.input
        wanted = query.filter(call.merchant)
        found = read.figures(ports, call.merchant, wanted, query.from_, query.to, query.by)
        currency, paid = Currency(wanted.currency), dict[str, int]()
        if query.by is Length.MONTH:
            today = month_of(Anchor.at(call.now, call.zone).wall.date())
            months = [each.period for each in found]
            paid = read_cohorts.recovered(ports, call.merchant, wanted, months, today)
        return {
            "data": [
                shapes.period(each, currency, recovered=paid.get(each.period)) for each in found
            ]
        }

    @api.get("/v1/figures.csv", FiguresQuery)
    def download_figures(call: Call[FiguresQuery]) -> Csv:
        """Download the figures as CSV."""
        query = call.input
        wanted = query.filter(call.merchant)
        found = read.figures(ports, call.merchant, wanted, query.from_, query.to, query.by)
        lines = csv_figures.written(found, Currency(wanted.currency))
        return Csv("".join(lines), f"figures-{query.from_}-{query.to}.csv")

    @api.get("/v1/figures/<figure>/orders", RowsQuery)
    def list_rows(call: Call[RowsQuery], figure: str) -> shapes.RowsOutput:
        """List the rows that a figure of one period is the sum of: its orders, or its movements of
        recurring revenue."""
        query = call.input
        found = read.rows_behind(
            ports,
            call.merchant,
            figure,
            query.period,
            wanted=query.filter(call.merchant),
            limit=query.limit,
            cursor=query.cursor,
        )
        rows: list[OrderOutput | shapes.MovementOutput] = []
        rows += map(json_shapes.order, found.orders)
        rows += map(shapes.movement, found.movements)
        return {"data": rows, "next": found.next}
