"""The connection to HubSpot: is it reached, does it accept the token, with which scopes; and what cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.doctor.facts import MISSING_SCOPES, UNAUTHORIZED, because
from app.doctor.findings import failed, ok, unknown
from app.errors import NotConnected, Refusal, SegueError
from app.hubspot.api.account import AccountDetails
from app.hubspot.api.consent import REQUIRED_SCOPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.doctor.facts import Facts
    from app.doctor.findings import Finding
    from app.doctor.requirements import Wanted
    from app.model import Account

# Owners are read by either one (OpenAPI collection); workflows need the second.
OWNERS_SCOPE, WORKFLOWS_SCOPE = "crm.objects.owners.read", "automation"


def reachable(facts: Facts) -> Finding:
    """Judge whether HubSpot answers at all."""
    check = "HubSpot reachable"
    if any(met.status is not None for met in facts.met):
        return ok(check, "it answers")
    if facts.met:
        message = next((because(error) for error in facts.errors()), "it gave no answer")
        return failed(check, message, "look at DNS, proxy and firewall between here and SEGUE_HUBSPOT_BASE_URL")
    return unknown(check, next((because(error) for error in facts.errors()), "it was not asked"))


def token(account: Account, facts: Facts, others: Mapping[str, str]) -> Finding:
    """Judge whether HubSpot takes the token; `others` are the names of other accounts, by HubSpot's ids of them."""
    check = "token accepted"
    unconnected = next((one for one in facts.errors() if isinstance(one, NotConnected)), None)
    if unconnected is not None:
        return failed(check, str(unconnected), f"connect it: segue hubspot install {account.name}")
    if isinstance(facts.details, AccountDetails) and (other := others.get(facts.details.portal_id)):
        message = (
            f"it is the token of HubSpot account {facts.details.portal_id}, which is the account {other!r} already"
        )
        return failed(check, message, "leave one of the two: both would use up the same limits, and know nothing of it")
    if isinstance(facts.details, AccountDetails):
        kind = f", {facts.details.kind}" if facts.details.kind else ""
        return ok(check, f"it is the token of HubSpot account {facts.details.portal_id}{kind}")
    # Other routes may have a 401 of their own: that of a private app's scopes is not known to take service keys.
    if isinstance(facts.details, Refusal) and facts.details.status == UNAUTHORIZED:
        do = f"connect it anew: segue hubspot install {account.name}" if account.oauth else "put a valid token there"
        return failed(check, f"HubSpot refuses it: {facts.details.code}", do)
    # A refusal for a missing scope means that the token was accepted.
    if any(isinstance(one, Refusal) and one.code == MISSING_SCOPES for one in facts.errors()):
        return ok(check, "HubSpot takes it")
    return unknown(check, because(facts.details))


def scopes(wanted: Wanted, facts: Facts) -> Finding:
    """Judge the scopes of the token, by what HubSpot lists and by what it refused."""
    check, account = "scopes", wanted.account
    missing = set() if isinstance(facts.scopes, SegueError) else _missing(wanted, frozenset(facts.scopes))
    missing |= _refused(facts)
    if missing:
        where = "app, and connect the account anew" if account.oauth else "service key or private app"
        optional = " (name automation in SEGUE_HUBSPOT_OPTIONAL_SCOPES, too)" if WORKFLOWS_SCOPE in missing else ""
        do = f"add them to the {where}" + (optional if account.oauth else "")
        return failed(check, f"missing: {', '.join(sorted(missing))}", do)
    if isinstance(facts.scopes, SegueError):
        readable = not isinstance(facts.details, SegueError)
        do = f"look whether it has {', '.join(_required(wanted))}" if readable else ""
        return unknown(check, f"what the token may do cannot be read: {because(facts.scopes)}", do)
    return ok(check, "all that the rules need")


def _required(wanted: Wanted) -> tuple[str, ...]:
    # Whether HubSpot names `oauth` for tokens that did not come by OAuth is not known.
    needed = tuple(scope for scope in REQUIRED_SCOPES if wanted.account.oauth or scope != "oauth")
    return (*needed, WORKFLOWS_SCOPE) if wanted.workflows else needed


def _missing(wanted: Wanted, given: frozenset[str]) -> set[str]:
    missing = {scope for scope in _required(wanted) if scope not in given}
    return missing - {OWNERS_SCOPE} if WORKFLOWS_SCOPE in given else missing


def _refused(facts: Facts) -> set[str]:
    """Return the scopes that HubSpot named as missing in its refusals."""
    reads: list[tuple[str, object]] = [(OWNERS_SCOPE, facts.owners)]
    reads += [("automation.sequences.read", one) for one in facts.seen.values()]
    return {scope for scope, read in reads if isinstance(read, Refusal) and read.code == MISSING_SCOPES}


def legal_basis(facts: Facts) -> Finding:
    """Report what cannot be read: whether the account's data privacy settings are on."""
    hosting = facts.details.hosting if isinstance(facts.details, AccountDetails) else None
    where = f" (its data lies in {hosting})" if hosting else ""
    return unknown(
        "legal basis",
        f"whether the account's data privacy settings are on cannot be read{where}",
        "where they are on, HubSpot refuses contacts without a legal basis as UNSUBSCRIBED, who never opted out: "
        "see that whatever creates contacts records one",
    )
