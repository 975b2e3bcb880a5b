"""Every address of the security page × who asks and how freshly they proved it: nothing is done for anybody else.

An address that stands in no table of idp/portal/security/views.py fails tests/attacks/test_login_matrix.py.
"""

from datetime import timedelta

import pyotp
import pytest

from idp.portal.security.views import KEY_OPTIONS, PAGES, POSTS
from tests.support.authenticator import Authenticator
from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import PASSWORD, Deployment
from tests.support.journey import add_key, cookie
from tests.support.own_pages import ROOT, OwnPages, asks, asks_to_sign_in, secret_of
from tests.support.refreshing import give_lasting_access

OTHER = "bo.lund"
FIELDS = {
    "/factors/<factor_id>/rename": {"name": "Et andet navn"},
    "/factors/add-app": {"name": "App", "code": "000000"},
    "/factors/add-key": {"name": "Nøgle", "credential": "{}"},
    "/factors/new-codes": {"present": ""},
    "/password": {"current_password": PASSWORD, "new_password": "tusind grønne cykler"},
    "/contact": {"email": "andet@mail.example", "phone_number": "+4587654321"},
    "/contact/phrase": {"phrase": "Den blå cykel"},
}
FRESH_PAGES = [path for path, shown in PAGES.items() if shown.fresh] + [KEY_OPTIONS]
FRESH_POSTS = [path for path, posted in POSTS.items() if posted.fresh]
ONLY_TAKE_ACCESS_AWAY = {
    "/sessions/<handle>/end",
    "/sessions/end-others",
    "/sessions/end-all",
    "/access/<service>/end",
    "/activity/<int(max=999999999):number>/dispute",
    "/block",
}
BOUND_TO_A_FRESH_OFFER = {"/factors/add-app"}


def filled(me: OwnPages, path: str) -> str:
    """The path with ids of this citizen's own things."""
    handle = next(
        (form.action.split("/")[-2] for form in me.open("/sessions").forms if form.action.endswith("/end")),
        "",
    )
    services = [form.action.split("/")[-2] for form in me.open("/access").forms if "/access/" in form.action]
    path = path.replace("<service>", services[0] if services else "none")
    number = str(me.entries()[-1][0])
    path = path.replace("<factor_id>", me.factor_ids("totp")[0]).replace("<handle>", handle)
    return path.replace("<int(max=999999999):number>", number)


def signed_in(deployment: Deployment) -> OwnPages:
    """With two apps, so that one may be removed, and another browser and lasting access, so that there is something
    to end."""
    me = OwnPages(deployment)
    me.add_app()
    give_lasting_access(deployment, me.citizen_id)
    OwnPages(deployment).open()
    return me


def state(me: OwnPages) -> object:
    """All that a form could change."""
    services = me.deployment.wiring.services
    factors = services.factors.of_citizen(me.citizen_id)
    kept = [(factor.factor_id, factor.name, factor.created_at) for factor in factors]
    sessions = {found.session_id for found in services.self_service.sessions_of(me.citizen_id)}
    accesses = services.lasting_accesses.of_citizen(me.citizen_id)
    citizen, safety = services.citizens.find(me.citizen_id), services.safeties.find(me.citizen_id)
    return kept, citizen, safety, sessions, accesses


def test_what_needs_no_fresh_proof_only_takes_access_away() -> None:
    """S-302: or goes on with what a fresh proof began."""
    assert set(POSTS) - set(FRESH_POSTS) == ONLY_TAKE_ACCESS_AWAY | BOUND_TO_A_FRESH_OFFER


@pytest.mark.parametrize("path", sorted(PAGES))
def test_a_stranger_sees_a_sign_in_and_nothing_else(deployment: Deployment, path: str) -> None:
    """S-294."""
    me = signed_in(deployment)
    page = CitizenBrowser(deployment.issuer).get(ROOT + filled(me, path))
    assert asks_to_sign_in(page) and "Freja" not in page.words


@pytest.mark.parametrize("path", sorted(POSTS))
def test_a_stranger_changes_nothing(deployment: Deployment, path: str) -> None:
    """S-294."""
    me = signed_in(deployment)
    path, fields = filled(me, path), FIELDS.get(path, {})
    before = state(me)
    stranger = CitizenBrowser(deployment.issuer)
    page = stranger.post(ROOT + path, {"csrf_token": me.token(path), **fields})
    assert asks_to_sign_in(page) and state(me) == before


@pytest.mark.parametrize("path", sorted(POSTS))
def test_without_its_own_token_a_form_is_nothing(deployment: Deployment, path: str) -> None:
    """S-217, S-226: missing, of another form, of another session, or in the address."""
    me, other = signed_in(deployment), OwnPages(deployment)
    other.open()
    path, fields = filled(me, path), FIELDS.get(path, {})
    me.open("/contact")  # freshly proven
    before = state(me)
    for token in ("", me.token("/elsewhere"), other.token(path), me.token(path)[:-1], "é"):
        assert me.send(path, **fields, csrf_token=token).status == 403
    assert me.send(f"{path}?csrf_token={me.token(path)}", **fields, csrf_token="").status == 403
    assert state(me) == before


@pytest.mark.parametrize("path", sorted(POSTS))
def test_a_form_from_another_site_is_nothing(deployment: Deployment, path: str) -> None:
    """S-216: even with the right token."""
    me = signed_in(deployment)
    path, fields = filled(me, path), FIELDS.get(path, {})
    me.open("/contact")
    before = state(me)
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": None, "Origin": "https://evil.test"},
    ):
        fields["csrf_token"] = me.token(path)
        assert me.browser.post(ROOT + path, fields, headers=headers).status == 403
    assert state(me) == before


@pytest.mark.parametrize("path", sorted(set(POSTS) - set(PAGES)))
@pytest.mark.parametrize("verb", ["GET", "HEAD", "PUT", "DELETE"])
def test_only_a_post_does_anything(deployment: Deployment, path: str, verb: str) -> None:
    """S-217."""
    me = signed_in(deployment)
    path, before = filled(me, path), state(me)
    answer = me.browser.session.request(verb, deployment.issuer + ROOT + path, timeout=20)
    assert answer.status_code in (404, 405) and state(me) == before


# --- fresh proofs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FRESH_PAGES)
def test_a_page_that_changes_factors_wants_a_fresh_proof(deployment: Deployment, path: str) -> None:
    """S-260, S-302: only the second factor is asked for, and the cookie is another one afterwards (S-214)."""
    me = signed_in(deployment)
    path = filled(me, path)
    deployment.clock.forward(timedelta(minutes=6))
    before = cookie(me.browser, "session")
    page = me.get(path)
    assert asks(page, "/totp") and "password" not in page.ids, page.words
    assert me.prove(page).url.partition("?")[0] == deployment.issuer + ROOT + path.removesuffix("/options")
    assert cookie(me.browser, "session") != before


@pytest.mark.parametrize("path", FRESH_POSTS)
def test_a_form_that_changes_factors_wants_a_fresh_proof(deployment: Deployment, path: str) -> None:
    """S-260, S-302: a stolen cookie, or a page that stood open, changes nothing."""
    me = signed_in(deployment)
    path, fields = filled(me, path), FIELDS.get(path, {})
    deployment.clock.forward(timedelta(minutes=6))
    before = state(me)
    assert asks(me.send(path, **fields), "/totp") and state(me) == before


@pytest.mark.parametrize("path", FRESH_POSTS)
def test_who_has_a_key_proves_it_by_the_key(deployment: Deployment, path: str) -> None:
    """S-260, S-302: the strongest kind the citizen has, not six digits that can be phished."""
    me = signed_in(deployment)
    me.key = add_key(deployment)
    path, fields = filled(me, path), FIELDS.get(path, {})
    assert cookie(me.browser, "session") is not None
    before = state(me)
    page = me.send(path, **fields)
    assert asks(page, "/key") and state(me) == before, "six digits were proven a moment ago"


def test_a_stolen_cookie_adds_no_app_without_the_owners_offer(deployment: Deployment) -> None:
    """S-259, S-302: the one form that asks for no fresh proof does nothing without one."""
    me = signed_in(deployment)
    deployment.clock.forward(timedelta(minutes=11))
    before = state(me)
    assert asks_to_sign_in(me.send("/factors/add-app", name="Tyv", code="000000"))
    assert state(me) == before


STALE = timedelta(minutes=11)
"""Older than a fresh proof, and than any offer that was made to one."""


@pytest.mark.parametrize(
    "typed", [{}, {"name": "Tyv"}, {"code": "000000"}, {"name": "", "code": "000000"}, {"name": "x" * 100, "code": ""}]
)  # fmt: skip
def test_a_form_with_a_fault_gets_a_stolen_cookie_no_secret(
    deployment: Deployment, typed: dict[str, str]
) -> None:
    """S-260, S-302: an offer is made by the page that wants a fresh proof, and by nothing that is posted."""
    me = signed_in(deployment)
    deployment.clock.forward(STALE)
    before = state(me)
    page = me.send("/factors/add-app", **typed)
    assert asks_to_sign_in(page) and 'id="secret"' not in page.html
    assert state(me) == before


def test_a_form_with_a_fault_keeps_the_secret_that_was_offered(deployment: Deployment) -> None:
    """S-259: what was scanned still fits after a missing name or a mistyped code."""
    me = signed_in(deployment)
    secret = secret_of(me.open("/factors/add-app"))
    for typed in ({"name": "", "code": "000000"}, {"name": "App", "code": ""}, {"name": "App", "code": "12"}):
        page = me.send("/factors/add-app", **typed)
        assert page.status == 400 and secret_of(page) == secret
    code = pyotp.TOTP(secret).at(deployment.clock())
    assert "done" in me.send("/factors/add-app", name="App", code=code).ids


def test_a_proof_by_what_was_removed_is_not_fresh(deployment: Deployment) -> None:
    """S-260, S-302: a thief who showed a stolen app has no minutes left once its owner has removed it."""
    me, thief = signed_in(deployment), OwnPages(deployment)
    stolen = me.factor_ids("totp")[0]
    assert not asks_to_sign_in(thief.open("/contact"))
    me.open(f"/factors/{stolen}/remove")
    assert "done" in me.send(f"/factors/{stolen}/remove").ids
    before = state(me)
    for page in (thief.get("/contact"), thief.send("/contact", email="tyv@mail.example", phone_number="")):
        assert asks_to_sign_in(page)
    assert state(me) == before


# --- other citizens --------------------------------------------------------------------------------------------


def both(deployment: Deployment) -> tuple[OwnPages, OwnPages]:
    deployment.add_citizen(OTHER, "8902701233", "Bo", "Lund")
    me, other = signed_in(deployment), OwnPages(deployment, OTHER)
    other.add_app()
    return me, other


@pytest.mark.parametrize("act", ["rename", "remove"])
def test_another_citizens_factor_is_not_found(deployment: Deployment, act: str) -> None:
    """S-226, S-339: nor one that nobody has, nor what is no app and no key."""
    me, other = both(deployment)
    me.open("/contact")
    before = state(other)
    for factor_id in (other.factor_ids("totp")[0], "AAAAAAAAAAAAAAAAAAAAAA", me.factor_ids("password")[0]):
        path = f"/factors/{factor_id}/{act}"
        assert me.get(path).status == 404
        assert me.send(path, name="Mit").status == 404
    assert state(other) == before


def test_another_citizens_session_is_not_found(deployment: Deployment) -> None:
    """S-226, S-339: neither by its handle on that citizen's page, nor by its id, nor by another browser's handle."""
    me, other = both(deployment)
    services = deployment.wiring.services
    theirs = services.self_service.sessions_of(other.citizen_id)[0].session_id
    handle = filled(other, "<handle>")
    before = state(other), state(me)
    for named in (handle, theirs, "x"):
        assert me.send(f"/sessions/{named}/end").status == 404
    assert (state(other), state(me)) == before


def test_another_citizens_lasting_access_is_not_found(deployment: Deployment) -> None:
    """S-226, S-339: neither by its handle on that citizen's page, nor by the client's id."""
    me, other = both(deployment)
    give_lasting_access(deployment, other.citizen_id)
    handle = filled(other, "<service>")
    before = state(other), state(me)
    for named in (handle, deployment.clients["Byggesager"].client_id, "x"):
        assert me.send(f"/access/{named}/end").status == 404
    assert (state(other), state(me)) == before


def test_another_citizens_entry_is_not_found(deployment: Deployment) -> None:
    """S-226, S-339: numbers count for each citizen, and there is none beyond one's own last."""
    me, _ = both(deployment)
    before = state(me)
    beyond = me.entries()[-1][0] + 1
    assert me.send(f"/activity/{beyond}/dispute").status == 404
    assert me.send("/activity/0/dispute").status == 404
    assert state(me) == before


@pytest.mark.parametrize("before", ["-1", "0", "1e9", "9" * 18, "9" * 400, "٣", "%00", "x", ""])
def test_a_list_is_bounded_whatever_its_address_says(deployment: Deployment, before: str) -> None:
    """S-340."""
    me = signed_in(deployment)
    shown = me.get(f"/activity?before={before}")
    assert shown.status == 200 or (before == "%00" and shown.status == 400)
    assert shown.html.count("<time") <= 60


def test_a_challenge_of_another_session_adds_no_key(deployment: Deployment) -> None:
    """S-265: nor one twice, nor one of a sign-in."""
    me, other = both(deployment)
    key = Authenticator(origin=deployment.issuer)
    options = other.open("/factors/add-key").form("/add-key").options
    made = key.create(options)
    me.open("/factors/add-key")
    page = me.send("/factors/add-key", credential=made, name="Deres")
    assert page.status == 400 and "error-summary" in page.ids
    page = other.send("/factors/add-key", credential=made, name="Deres")
    assert page.status == 400, "its challenge is spent"
    assert me.factor_ids("webauthn") == other.factor_ids("webauthn") == []


# --- what is not taken from a form -----------------------------------------------------------------------------


def test_a_form_sets_nothing_that_it_does_not_ask_for(deployment: Deployment) -> None:
    """S-303, S-304: not whose it is, not whether it is verified, not the registered address."""
    me, other = both(deployment)
    me.open("/contact")
    services = deployment.wiring.services
    untouched, mine = state(other), services.citizens.find(me.citizen_id)
    more = {
        "citizen_id": other.citizen_id, "user_id": "admin", "email_verified": "true", "status": "closed",
        "phone_number_verified": "1", "address": "Et andet sted", "street_address": "Et andet sted",
    }  # fmt: skip
    me.send("/contact", email="ny@mail.example", phone_number="+4587654321", **more)
    changed = services.citizens.find(me.citizen_id)
    assert changed is not None and mine is not None
    assert (changed.email, changed.email_verified) == ("ny@mail.example", False)
    assert not changed.phone_number_verified
    assert (changed.address, changed.user_id, changed.status) == (mine.address, mine.user_id, mine.status)
    assert state(other) == untouched


@pytest.mark.parametrize(
    "email",
    ["a@b", "a b@c.dk", "a@c.dk\r\nBcc: b@c.dk", "a@c.dk,b@c.dk", "<a@c.dk>", '"a"@c.dk', "a@" + "c" * 260 + ".dk", "a@1.2.3.4"],
)  # fmt: skip
def test_what_is_no_address_is_kept_by_nobody(deployment: Deployment, email: str) -> None:
    me = OwnPages(deployment)
    me.open("/contact")
    before = state(me)
    page = me.send("/contact", email=email, phone_number="")
    assert page.status == 400 and "error-email" in page.ids and state(me) == before


# --- secrets and words -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/factors/add-app", "/factors/new-codes", "/factors/add-key", KEY_OPTIONS])
def test_nothing_on_the_way_keeps_what_is_shown_once(deployment: Deployment, path: str) -> None:
    """S-261, S-222."""
    me = OwnPages(deployment)
    me.open("/contact")
    page = me.get(path)
    assert page.status == 200
    assert page.headers["Cache-Control"] == "no-store" and "Cookie" in page.headers["Vary"]
    assert page.headers["Referrer-Policy"] in ("same-origin", "no-referrer")


def test_the_secret_of_an_app_is_in_no_address_and_no_log(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    """S-261."""
    me, seen = OwnPages(deployment), []
    me.browser.session.hooks["response"].append(lambda answer, *_a, **_k: seen.append(answer.url))
    with caplog.at_level("DEBUG"):
        secret = me.add_app()
        me.open("/factors/new-codes")
        codes = me.send("/factors/new-codes", present="")
    assert len(secret) == 32 and "recovery-codes" in codes.ids
    code = codes.html.partition("<li><code>")[2][:19]
    told = "\n".join([*seen, *(record.getMessage() + str(record.__dict__) for record in caplog.records)])
    assert secret not in told and "otpauth" not in told and code not in told


def test_a_link_makes_no_page_say_what_was_not_done(deployment: Deployment) -> None:
    me, other = signed_in(deployment), OwnPages(deployment)
    page = me.send(f"/factors/{me.factor_ids('totp')[0]}/rename", name="Nyt")
    assert "done" in page.ids
    other.open()
    theirs = page.url.partition("?")[2]
    for query in (
        theirs,
        "done=removed.0." + "0" * 32,
        "done=removed.0.",
        "done=x",
        "done=others-ended.99999.a",
    ):
        assert "done" not in shown(other, query).ids
    assert "done" not in shown(me, theirs.replace("renamed", "removed")).ids
    assert "done" not in shown(me, theirs.replace(".0.", ".7.")).ids


def shown(me: OwnPages, query: str) -> Page:
    page = me.get(f"/factors?{query}")
    assert page.status == 200
    return page


def test_markup_in_a_name_is_text(deployment: Deployment) -> None:
    """S-228."""
    me, name = OwnPages(deployment), "<b>'\"&{{7*7}}"
    me.add_app(name)
    me.open("/contact")
    me.send("/contact/phrase", phrase="<i>ikke kursiv</i>")
    for path in ("/factors", "/activity", "/messages", f"/factors/{me.factor_ids('totp')[1]}/remove"):
        page = me.get(path)
        assert page.status == 200 and "<b>'" not in page.html and "<i>ikke" not in page.html
    assert name in me.get("/factors").words
