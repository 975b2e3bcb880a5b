"""Pages of ours that are older than what they are about, and what of a request no page of ours keeps."""

from urllib.parse import urlencode

from tests.support.deployment import Deployment
from tests.support.journey import add_key, begin
from tests.support.signing_out import end_session, is_signed_in, leaving_party, signed_in_at


def test_our_button_on_a_page_from_before_a_step_up_asks_and_then_signs_out(deployment: Deployment) -> None:
    """A step-up in another tab gives the session another secret, which the older page's button does not know."""
    service = leaving_party(deployment)
    journey, _ = signed_in_at(deployment, service)
    tab, key = journey.browser.get("/"), add_key(deployment)
    begin(deployment, journey.browser, service, acr_values="phr").key(key)
    page = journey.browser.submit(tab, "/sign-out")
    assert page.status == 403 and "ask-sign-out" in page.ids
    assert "er fra før du sidst viste, hvem du er" in page.words and is_signed_in(journey.browser)
    page = journey.browser.submit(page, page.forms[0].action)
    assert "signed-out" in page.ids and not is_signed_in(journey.browser)


def test_no_page_repeats_a_hint(deployment: Deployment) -> None:
    """An error at the end session endpoint, and at the authorization endpoint: links to other languages too."""
    service = leaving_party(deployment)
    journey, tokens = signed_in_at(deployment, service)
    hint = {"id_token_hint": tokens["id_token"]}
    elsewhere = end_session(journey.browser, **hint, post_logout_redirect_uri="https://evil.test/")
    asked = service.parameters("v" * 43, "s", "n") | hint | {"redirect_uri": "https://evil.test/"}
    for page in (elsewhere, journey.browser.get(f"/authorize?{urlencode(asked)}")):
        assert page.status == 400 and "reference" in page.ids
        assert tokens["id_token"] not in page.html and "language-en" not in page.ids
    page = end_session(journey.browser, post_logout_redirect_uri="https://evil.test/", client_id="x")
    assert page.status == 400 and "language-en" in page.ids
