"""The matrix of roles and areas, what a key may hold, and who may give what (M-9)."""

from __future__ import annotations

import pytest

from billing.kernel.errors import Refused
from billing.team import members, rights
from billing.team.rights import MATRIX, Access, Area, Role

READ, WRITE = Access.READ, Access.WRITE


@pytest.mark.spec("M-9")
def test_every_area_has_a_cell_for_every_role() -> None:
    assert set(MATRIX) == set(Area)
    assert {len(cells) for cells in MATRIX.values()} == {len(Role)}
    assert {cell for cells in MATRIX.values() for cell in cells} == {"", "r", "rw"}


@pytest.mark.spec("M-9")
def test_an_owner_may_do_everything_and_nobody_writes_what_they_may_not_read() -> None:
    assert rights.of_role(Role.OWNER) == {(area, access) for area in Area for access in Access}
    for role in Role:
        held = rights.of_role(role)
        assert {(area, READ) for area, access in held if access is WRITE} <= held
        assert held <= rights.of_role(Role.OWNER)


@pytest.mark.spec("M-9")
@pytest.mark.parametrize("area", [Area.KEYS, Area.GATEWAYS, Area.TEAM])
def test_keys_gateways_and_team_are_changed_by_owners_and_admins_alone(area: Area) -> None:
    assert {r for r in Role if (area, WRITE) in rights.of_role(r)} == {Role.OWNER, Role.ADMIN}


@pytest.mark.spec("M-9")
def test_exports_are_of_owners_admins_and_finance() -> None:
    may = {role for role in Role if (Area.EXPORTS, READ) in rights.of_role(role)}
    assert may == {Role.OWNER, Role.ADMIN, Role.FINANCE}


@pytest.mark.spec("M-9")
def test_finance_reads_all_refunds_and_exports_and_changes_nothing_else() -> None:
    held = rights.of_role(Role.FINANCE)
    assert {area for area, access in held if access is READ} == set(Area) - {Area.ACCOUNT}
    written = {area for area, access in held if access is WRITE}
    assert written == {Area.MONEY, Area.EXPORTS, Area.OWN}


@pytest.mark.spec("M-9")
def test_support_refunds_only_where_it_is_granted() -> None:
    assert rights.REFUNDS not in rights.of_role(Role.SUPPORT)
    assert rights.REFUNDS in rights.of_role(Role.SUPPORT, refunds=True)
    assert rights.of_role(Role.READ_ONLY, refunds=True) == rights.of_role(Role.READ_ONLY)


@pytest.mark.spec("M-9", "M-3")
def test_a_key_of_before_there_were_areas_reaches_what_it_reached() -> None:
    everything = {a for a in Area if a not in {Area.ACCOUNT, Area.OWN}}
    assert rights.of_scopes(("read",)) == {(area, READ) for area in everything}
    both = {(area, access) for area in everything for access in Access}
    assert rights.of_scopes(("read", "write")) == both


@pytest.mark.spec("M-9")
def test_every_area_but_the_account_and_ones_own_is_of_one_area_of_keys() -> None:
    held = [area for areas in rights.KEY_AREAS.values() for area in areas]
    assert sorted(held) == sorted(set(Area) - {Area.ACCOUNT, Area.OWN})


@pytest.mark.parametrize("scope", ["", "all", "catalog", "catalog:all", "other:read", ":read"])
def test_a_scope_that_is_not_known_gives_nothing(scope: str) -> None:
    assert rights.of_scopes((scope,)) == frozenset()


@pytest.mark.spec("M-9")
def test_an_admin_makes_any_key_and_any_role_but_an_owner() -> None:
    admin = rights.of_role(Role.ADMIN)
    assert rights.scopes_within(admin) == rights.SCOPES
    assert set(rights.roles_within(admin)) == set(Role) - {Role.OWNER}


@pytest.mark.spec("M-9")
def test_nobody_gives_a_role_that_holds_more_than_their_own() -> None:
    for giver in Role:
        own = rights.of_role(giver)
        for given in Role:
            more = rights.of_role(given) - own
            if more:
                with pytest.raises(Refused, match="role_beyond_own"):
                    members.check_gives(own, rights.of_role(given))
            else:
                members.check_gives(own, rights.of_role(given))
