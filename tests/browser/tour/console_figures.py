"""The console's figures: all of them, one, and the rows behind it."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.tour.town import Town


def console_figures(town: Town) -> Page:
    return town.seller.at("/console/figures")


def console_figure(town: Town) -> Page:
    return town.seller.at("/console/figures/revenue")


def console_figure_rows(town: Town) -> Page:
    page = console_figure(town)
    page.goto(str(page.get_by_role("link", name="Show rows").first.get_attribute("href")))
    return page


def console_figures_wrong(town: Town) -> Page:
    page = town.seller.at("/console/figures?from=2026-05&to=2026-01")
    assert page.title().startswith("Error:")
    return page


def console_cohorts(town: Town) -> Page:
    return town.seller.at("/console/figures/cohorts")


def console_trials(town: Town) -> Page:
    return town.seller.at("/console/figures/trials")


def console_recovery(town: Town) -> Page:
    return town.seller.at("/console/figures/recovery")


def console_reasons(town: Town) -> Page:
    return town.seller.at("/console/figures/reasons")
