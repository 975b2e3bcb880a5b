"""What each error code means and what to mend: the text of /help/errors, to which every `error_uri` leads.

For developers of services, in English like the protocol. A test holds it against idp/errors.py.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OAuthErrorHelp:
    """One registered error code."""

    code: str
    source: str
    """Where the code is defined."""
    meaning: str
    mend: tuple[str, ...]


_CORE = "OpenID Connect Core 1.0, section 3.1.2.6"

OAUTH_ERRORS = (
    OAuthErrorHelp(
        "invalid_request",
        "RFC 6749, section 4.1.2.1 and 5.2",
        "A parameter is missing, doubled, malformed, or not allowed together with another one.",
        (
            "Read error_description: it names the rule that was broken.",
            "Send forms as application/x-www-form-urlencoded in UTF-8, each parameter once, at most 64 KiB.",
            "Compare redirect_uri with the registered one, character by character.",
            "Ask only for claims that the purpose of your registration allows.",
            "Send code_challenge with code_challenge_method S256; plain is refused.",
        ),
    ),
    OAuthErrorHelp(
        "invalid_client",
        "RFC 6749, section 5.2",
        "The client is not known, is disabled, or did not authenticate as it is registered to.",
        (
            "Use the token_endpoint_auth_method of your registration, and only that one.",
            "In a private_key_jwt assertion: iss and sub are your client_id, aud is the issuer as one string, "
            "jti is new every time, exp is at most five minutes ahead.",
            "Check your clock, and that the key you sign with is in your registered jwks.",
            "Form-encode client_id and client_secret before you put them in an Authorization header.",
        ),
    ),
    OAuthErrorHelp(
        "invalid_grant",
        "RFC 6749, section 5.2",
        "The code is wrong, expired, used already, or was given to another client or redirect_uri; or the "
        "code_verifier does not fit.",
        (
            "Redeem the code at once, one time: it lives for seconds, and a second use revokes what the first gave.",
            "Send the same redirect_uri as in the authorization request.",
            "Keep the code_verifier with the browser's session in which the sign-in began.",
        ),
    ),
    OAuthErrorHelp(
        "unauthorized_client",
        "RFC 6749, section 4.1.2.1 and 5.2",
        "The client is not registered for this grant type or way of asking.",
        ("Compare grant_types and response_types of your registration with your request.",),
    ),
    OAuthErrorHelp(
        "unsupported_grant_type",
        "RFC 6749, section 5.2",
        "The token endpoint does not know this grant_type.",
        ("See grant_types_supported in the discovery document.",),
    ),
    OAuthErrorHelp(
        "unsupported_response_type",
        "RFC 6749, section 4.1.2.1",
        "Only the code flow is offered.",
        ("Send response_type=code.",),
    ),
    OAuthErrorHelp(
        "invalid_scope",
        "RFC 6749, section 4.1.2.1 and 5.2",
        "A scope is unknown, malformed, or not allowed by your registration.",
        (
            "Send openid and the scopes of your registration, separated by one space.",
            "Scopes of an API are granted by its organisation, with an end: ask the operator what is granted to you.",
            "See scopes_supported in the discovery document.",
        ),
    ),
    OAuthErrorHelp(
        "invalid_target",
        "RFC 8707, section 2",
        "The resource is malformed, unknown or disabled, nothing of it is granted to your client, or it must be named.",
        (
            "Name one resource, by the identifier of the API that was granted to you; ask for a token for each.",
            "Without a resource the scopes must all belong to one API. For userinfo leave resource out.",
            "In a token exchange, name one API of which a scope for use on behalf of citizens was granted to your client.",
            "The value is compared character by character: check the trailing slash and the case.",
        ),
    ),
    OAuthErrorHelp(
        "invalid_authorization_details",
        "RFC 9396, section 5",
        "The authorization_details are malformed, of a type that you may not ask for, beyond the schema of their type, "
        "or more than what was granted.",
        (
            "Send a JSON list of objects, each with a type of the authorization_details_types in your registration.",
            "Compare the other members with the schema of the type: all of them are required, and no others are known.",
            "At the token endpoint, repeat elements as they were granted, or leave the parameter out.",
        ),
    ),
    OAuthErrorHelp(
        "access_denied",
        "RFC 6749, section 4.1.2.1",
        "The citizen cancelled, or did not agree to what was asked.",
        (
            "Nothing is broken. Show the citizen a page from which they can try again or go on without signing in.",
        ),
    ),
    OAuthErrorHelp(
        "authorization_pending",
        "RFC 8628, section 3.5",
        "The citizen has not answered for the device yet.",
        ("Poll again after the interval, until the answer is another one.",),
    ),
    OAuthErrorHelp(
        "slow_down",
        "RFC 8628, section 3.5",
        "The device polled before its interval was over. The interval is now five seconds longer, for every poll to come.",
        (
            "Add five seconds to the interval each time, and count it from the answer before.",
            "Poll with one process: two that share a device_code disturb each other.",
        ),
    ),
    OAuthErrorHelp(
        "expired_token",
        "RFC 8628, section 3.5",
        "The device_code has expired: nobody answered in time.",
        ("Ask for new codes when the person wants to try again, not by yourself.",),
    ),
    OAuthErrorHelp(
        "login_required",
        _CORE,
        "You asked for prompt=none, or for a certain citizen, and a new sign-in would be needed.",
        ("Send the citizen again without prompt=none.",),
    ),
    OAuthErrorHelp(
        "consent_required",
        _CORE,
        "You asked for prompt=none, and the citizen has not agreed to this purpose yet.",
        ("Send the citizen again without prompt=none.",),
    ),
    OAuthErrorHelp(
        "interaction_required",
        _CORE,
        "You asked for prompt=none, and the citizen has to see a page.",
        ("Send the citizen again without prompt=none.",),
    ),
    OAuthErrorHelp(
        "account_selection_required",
        _CORE,
        "You asked for prompt=none, and the citizen would have to choose who to be.",
        ("Send the citizen again without prompt=none.",),
    ),
    OAuthErrorHelp(
        "unmet_authentication_requirements",
        "OpenID Connect Core Unmet Authentication Requirements 1.0",
        "The level that you asked for as essential cannot be reached here.",
        ("See acr_values_supported in the discovery document, and ask for one of those.",),
    ),
    OAuthErrorHelp(
        "invalid_request_uri",
        _CORE,
        "The request_uri is not one of ours, has expired, or was decided already.",
        (
            "Push the request right before you send the browser here; a request_uri lives for about a minute.",
            "Push a new request for each sign-in.",
        ),
    ),
    OAuthErrorHelp(
        "request_uri_not_supported",
        _CORE,
        "We never fetch a request from somewhere else.",
        ("Use the pushed authorization request endpoint (RFC 9126).",),
    ),
    OAuthErrorHelp(
        "invalid_request_object",
        "RFC 9101, section 6",
        "The request object could not be verified, or it does not say what it must. error_description names the check.",
        (
            "Sign it with a key of your registered jwks, by an algorithm that you are registered for.",
            "Put every parameter inside, with client_id, and with aud set to the issuer identifier.",
            "Where your profile is fapi2, add nbf and exp, at most an hour apart.",
        ),
    ),
    OAuthErrorHelp(
        "invalid_token",
        "RFC 6750, section 3.1",
        "The access token is unknown, expired, revoked, or meant for somebody else.",
        (
            "Get a new token; access tokens live for a few minutes.",
            "Send it in the Authorization header.",
            "If the citizen has signed out, send them to sign in again.",
        ),
    ),
    OAuthErrorHelp(
        "invalid_dpop_proof",
        "RFC 9449, section 5 and 7.1",
        "The DPoP proof is missing, or one of the checks of RFC 9449, section 4.3, failed. error_description names it.",
        (
            "Make a new proof for each request: its own jti, iat the present, htm and htu of this very request.",
            "Put nothing but typ, alg and jwk into its header, and only the public key into jwk.",
            "Sign by ES256, Ed25519 or PS256.",
            "At an API, add ath: the SHA-256 of the access token, in base64url without padding.",
        ),
    ),
    OAuthErrorHelp(
        "use_dpop_nonce",
        "RFC 9449, section 8 and 9",
        "The DPoP proof has no nonce of ours where one is demanded, or one that is too old or was given to another key.",
        ("Make the proof anew with the nonce of the DPoP-Nonce header, and send the request again.",),
    ),
    OAuthErrorHelp(
        "insufficient_user_authentication",
        "RFC 9470, section 3",
        "The access token is good, but the sign-in behind it is too weak or too long ago for this.",
        (
            "Send the citizen again with the acr_values and the max_age of the WWW-Authenticate header.",
            "Come again with the new access token; only what is missing is asked of the citizen.",
        ),
    ),
    OAuthErrorHelp(
        "insufficient_scope",
        "RFC 6750, section 3.1",
        "The access token does not cover this.",
        ("Ask for the scope in the authorization request.",),
    ),
    OAuthErrorHelp(
        "temporarily_unavailable",
        "RFC 6749, section 4.1.2.1",
        "A part of the provider does not answer, or you have asked too often.",
        ("Wait as long as Retry-After says, then try again, with growing pauses.",),
    ),
    OAuthErrorHelp(
        "server_error",
        "RFC 6749, section 4.1.2.1",
        "Something happened that we had not foreseen.",
        ("Tell the operator the reference number that came with the answer.",),
    ),
)
