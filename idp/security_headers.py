"""The headers of every page and file we serve to a browser (ASVS 3.4; RFC 9700 §4.16). Pure.

Not the protocol endpoints: their answers are made in idp/endpoints. No nonce is needed, since no page holds a script
or a style of its own: everything comes from /static.
"""

from collections.abc import Mapping, Sequence

HSTS_SECONDS = 2 * 365 * 24 * 3600
"""Two years; ASVS 3.4.1 asks for one at least."""

_UNUSED_FEATURES = "camera=(), geolocation=(), microphone=(), payment=(), usb=(), interest-cohort=()"

_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; object-src 'none'; "
    "base-uri 'none'; frame-ancestors 'none'; connect-src 'self'; form-action {form_action}"
)
"""`connect-src`: static/webauthn.js fetches a fresh challenge for a page that has waited long."""

_FILE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
"""A drawing that is opened by itself is still only a drawing."""


def page_headers(
    *,
    https: bool,
    referrer_policy: str = "same-origin",
    form_targets: Sequence[str] = (),
    frame_sources: Sequence[str] = (),
) -> Mapping[str, str]:
    """Headers of a page. `form_targets` are CSP sources that its form may post to besides ourselves, `frame_sources`
    those that it may show in frames.

    Not `no-referrer` by default: Chromium would send `Origin: null` on our own forms (protocol.md, browser facts).
    """
    form_action = " ".join(("'self'", *form_targets))
    policy = _CONTENT_POLICY.format(form_action=form_action)
    headers = {
        "Content-Security-Policy": f"{policy}; frame-src {' '.join(frame_sources)}"
        if frame_sources
        else policy,
        "Referrer-Policy": referrer_policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Permissions-Policy": _UNUSED_FEATURES,
        "Cache-Control": "no-store",
        "Vary": "Cookie, Accept-Language",
    }
    return headers | _transport(https)


def file_headers(*, https: bool, immutable: bool) -> Mapping[str, str]:
    """Headers of a static file; `immutable` where its address holds its digest (RFC 8246)."""
    headers = {
        "Content-Security-Policy": _FILE_POLICY,
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "public, max-age=31536000, immutable" if immutable else "no-cache",
    }
    return headers | _transport(https)


def _transport(https: bool) -> dict[str, str]:
    # RFC 6797 §7.2: the header must not be sent over plain HTTP.
    return {"Strict-Transport-Security": f"max-age={HSTS_SECONDS}; includeSubDomains"} if https else {}
