"""The console's imports: a file chosen, its columns named, its rows and its dry run."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.tour.town import Town

ROWS = (
    "external_id,email,status,started_at,next_charge_at,payment_method,price_point,Note\n"
    "sub_1,ann@example.com,past_due,2025-12-20T15:00:00Z,2099-02-20T15:00:00Z,pm_1,gold,x\n"
    "sub_2,ben@example.com,active,01/02/2026,2099-02-20T15:00:00Z,pm_2,gold,y\n"
    "sub_3,cem@example.com,active,2025-12-20T15:00:00Z,2099-02-20T15:00:00Z,pm_2,gold,y\n"
)


def console_imports(town: Town) -> Page:
    return town.seller.at("/console/import")


def console_imports_wrong(town: Town) -> Page:
    page = console_imports(town)
    town.seller.press("Check the file")
    return page


def _chosen(town: Town, kind: str) -> Page:
    page = console_imports(town)
    file = {"name": "subscriptions.csv", "mimeType": "text/csv", "buffer": ROWS.encode()}
    page.locator("#file").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_label("Kind of file").select_option(kind)
    town.seller.press("Check the file")
    return page


def console_import(town: Town) -> Page:
    return _chosen(town, "canonical")


def console_import_dry_run(town: Town) -> Page:
    page = _chosen(town, "canonical")
    page.goto(f"{page.url}/dry-run")
    town.seller.press("Start dry run")
    return page


def console_import_shadow(town: Town) -> Page:
    page = _chosen(town, "canonical")
    page.goto(f"{page.url}/shadow")
    body = (
        b"external_id,charged_at,amount,currency\n"
        b"sub_1,01/02/2026,29.99,USD\n"
        b"sub_2,2026-02-20T15:00:00Z,twenty,USD\n"
    )
    file = {"name": "charges.csv", "mimeType": "text/csv", "buffer": body}
    page.locator("#charges").set_input_files(file)  # type: ignore[arg-type]
    town.seller.press("Compare")
    return page


def console_import_columns(town: Town) -> Page:
    return _chosen(town, "other")


def console_import_upload(town: Town) -> Page:
    return town.seller.at("/console/import/upload")


def console_import_move(town: Town) -> Page:
    page = _chosen(town, "canonical")
    page.goto(f"{page.url}/move")
    return page


def console_import_undo(town: Town) -> Page:
    page = _chosen(town, "canonical")
    page.goto(f"{page.url}/undo")
    return page
