"""Prefixes of file names that a folder could be, as the measuring script counts them."""

from pathlib import Path

from dev import tree_sizes


def test_a_prefix_counts_where_it_is_a_folders_or_three_siblings() -> None:
    of_accounts, of_web = ("account_life", "own_plan", "accounts"), ("portal", "card_fields")
    siblings = ("portal_cards", "portal_pages")
    paths = [Path("accounts") / f"{stem}.py" for stem in of_accounts]
    paths += [Path("web") / f"{stem}.py" for stem in (*of_web, *siblings, "__init__")]
    found = [path.stem for path in tree_sizes.prefixed(paths)]
    assert found == ["account_life", *siblings]


def test_the_sizes_of_this_tree_are_printed() -> None:
    told = tree_sizes.described()
    for name in ("prefixes left:", "README.md:", "template.yaml:", "git objects of HEAD:"):
        assert name in told
