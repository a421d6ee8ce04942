"""Prefixes of file names that a folder could be, as the measuring script counts them."""

from pathlib import Path

from dev import tree_sizes


def test_a_prefix_counts_where_it_is_a_folders_or_three_siblings() -> None:
    paths = [
        Path("billing/accounts/account_life.py"),
        Path("billing/accounts/own_plan.py"),
        Path("billing/web/portal_cards.py"),
        Path("billing/web/portal_pages.py"),
        Path("billing/web/portal.py"),
        Path("billing/web/card_fields.py"),
        Path("billing/web/__init__.py"),
        Path("billing/accounts/accounts.py"),
    ]
    assert [path.name for path in tree_sizes.prefixed(paths)] == [
        "account_life.py",
        "portal_cards.py",
        "portal_pages.py",
    ]


def test_the_sizes_of_this_tree_are_told() -> None:
    told = tree_sizes.described()
    for name in ("prefixes left:", "README.md:", "template.yaml:", "git objects of HEAD:"):
        assert name in told
