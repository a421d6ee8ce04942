"""The holder of a console session: a key, the account, or a member; and what they may do (M-9)."""

from __future__ import annotations

from datetime import datetime

from billing.accounts.accounts import Account
from billing.kernel.audit import By
from billing.kernel.merchants import ApiKey, Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import Value, replace
from billing.team import rights
from billing.team.members import HOLDER, Person, Team
from billing.team.rights import Right, Rights, Role
from billing.web import sessions
from billing.web.problems import Forbidden, Unauthenticated


class SignedOut(Unauthenticated):
    """No console session, or an expired one."""

    code = "signed_out"


class CodeNeeded(SignedOut):
    """The password or the link was right, and the code of the second factor is still to come."""


class Holder(Value):
    """Whoever a session is of, with their rights as they are now.

    `member` is their id in the team, `key` the id of the API key whose link began the session.
    `account` and `person` are what was read to check it. `lacks_factor` is True while the team asks
    for a second factor that this sign-in did not have.
    """

    rights: Rights
    role: Role | None = None
    member: str = ""
    key: str = ""
    account: Account | None = None
    person: Person | None = None
    person_id: str = ""
    team: Team | None = None
    with_factor: bool = False
    lacks_factor: bool = False

    @property
    def email(self) -> str:
        """Returns the address that the holder signs in with; empty for a key's session."""
        known = self.person or self.account
        return "" if known is None else known.email

    @property
    def named(self) -> By:
        """Returns what the audit trail names of the holder."""
        role = None if self.role is None else self.role.value
        return By(self.member or None, self.email or None, role, self.key or None)


def of(ports: Ports, held: sessions.OpenSession) -> tuple[Merchant, Holder] | None:
    """Returns the merchant and the holder of a session; None if what it began with has ended.

    It reads the team with the merchant, and the key, account or person. Raises `CodeNeeded`.
    """
    kept = held.kept
    if "then" in kept:
        raise CodeNeeded
    merchant, team = ports.store.merchant_and_team(kept["merchant"])
    if merchant is None:
        return None
    found = _holder(ports, kept, team)
    if found is None:
        return None
    with_factor = "factor" in kept
    is_asked = team is not None and team.needs_code and not found.key
    lacks = is_asked and not with_factor
    return merchant, replace(found, team=team, with_factor=with_factor, lacks_factor=lacks)


def _holder(ports: Ports, kept: dict[str, str], team: Team | None) -> Holder | None:
    if "password" in kept:
        account = account_of(ports, kept)
        if account is None:
            return None
        owner = rights.of_role(Role.OWNER)
        named = kept.get("person", "")
        return Holder(owner, Role.OWNER, HOLDER, account=account, person_id=named)
    if "person" in kept:
        person = ports.store.person(kept["person"])
        member = None if team is None or person is None else team.of_person(person.id)
        if person is None or member is None or _is_over(person, kept):
            return None
        mine = member.rights
        return Holder(mine, member.role, member.id, person=person, person_id=person.id)
    key = live_key(ports, kept.get("key"))
    if key is None or key.merchant != kept["merchant"]:
        return None
    return Holder(rights.of_scopes(key.scopes), key=key.id)


def _is_over(person: Person, kept: dict[str, str]) -> bool:
    """Tests whether a person has ended all sessions since this one began, or has another
    password."""
    ended = person.signed_out_at
    since = datetime.fromisoformat(kept["since"])
    is_ended = ended is not None and since < ended
    return is_ended or kept.get("mark") != sessions.mark(person.password_hash)


def account_of(ports: Ports, kept: dict[str, str]) -> Account | None:
    """Returns the account of a session, if it was begun with the current password."""
    account = ports.store.account(kept["merchant"]) if "password" in kept else None
    if account is None or sessions.mark(account.password_hash) != kept["password"]:
        return None
    return account


def live_key(ports: Ports, key_hash: str | None) -> ApiKey | None:
    """Returns the key with a hash, unless it is revoked."""
    key = None if key_hash is None else ports.store.api_key(key_hash)
    return key if key is not None and key.is_live else None


def check(holder: Holder, need: Right | None) -> None:
    """Raises `Forbidden` without a right; a route that declares none needs every right that a key
    can hold."""
    wanted = rights.of_scopes(rights.OF_ALL) if need is None else {need}
    if need is not None and need[0] is rights.Area.OWN:
        return
    if not wanted <= holder.rights:
        raise lacking(holder)


def lacking(holder: Holder) -> Forbidden:
    """Returns the error of a holder without a right, which says who can give it."""
    if holder.role is None:
        return Forbidden("session_key_lacks_right", code="role_lacks_right")
    role = holder.role.value.replace("_", "-")
    return Forbidden("role_lacks_right", code="role_lacks_right", role=role)
