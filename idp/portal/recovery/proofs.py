"""The proofs of a recovery, each verified where every sign-in verifies it, counted there and limited there (S-246).

Whoever has shown a proof in this recovery is no stranger any more: further answers are counted with those of known
browsers, so that what strangers did to the throttle does not keep the citizen out (S-248).
"""

from datetime import datetime

from flask import Response

from idp.ceremonies import RECOVER, CeremonyGone
from idp.ids import digest
from idp.letters.codes import parse_code
from idp.letters.letter import LetterKind, LetterRejected
from idp.login.address_limits import GUESSES, KEYS, count_failure
from idp.login.passkey import is_known_to_the_owner
from idp.login.rejections import code_error, passkey_error, password_error
from idp.login.visit import KNOWN
from idp.login.way_back import see_other
from idp.portal.activation.code import letter_error
from idp.portal.recovery.flow import proceed, ways_of
from idp.portal.recovery.visit import STEP, RecoveryVisit, check_neighbourhood
from idp.recovery.recovery import NotNow, SomebodyElses
from idp.recovery.rules import Proof
from idp.services import Services
from idp.web import read_cookie
from idp.web.form_errors import ErrorKind, FormError
from mfa.errors import Busy, FactorRejected, Rejection
from mfa.factors import VerifiedFactor, categories_of
from mfa.verification import Answer, PasswordAnswer, RecoveryCodeAnswer, TotpAnswer, WebauthnAnswer

_KEYS = (Proof.KEY, Proof.PASSKEY)
_CODE_KINDS = {
    ErrorKind.CODE_WRONG: ErrorKind.RECOVERY_CODE_WRONG,
    ErrorKind.CODE_USED: ErrorKind.RECOVERY_CODE_USED,
    ErrorKind.FACTOR_DISABLED: ErrorKind.RECOVERY_CODE_WRONG,
}
_MISSING = {
    Proof.PASSWORD: ErrorKind.MISSING_PASSWORD,
    Proof.TOTP: ErrorKind.MISSING_CODE,
    Proof.RECOVERY_CODE: ErrorKind.MISSING_RECOVERY_CODE,
    Proof.LETTER: ErrorKind.MISSING_LETTER_CODE,
    Proof.PASSKEY: ErrorKind.MISSING_KEY,
    Proof.KEY: ErrorKind.MISSING_KEY,
}


def post_password(services: Services, visit: RecoveryVisit, form: dict[str, str]) -> Response:
    return _typed(services, visit, Proof.PASSWORD, form.get("password", ""))


def post_totp(services: Services, visit: RecoveryVisit, form: dict[str, str]) -> Response:
    return _typed(services, visit, Proof.TOTP, form.get("code", "").strip())


def post_recovery_code(services: Services, visit: RecoveryVisit, form: dict[str, str]) -> Response:
    return _typed(services, visit, Proof.RECOVERY_CODE, form.get("recovery_code", "").strip())


def post_passkey(services: Services, visit: RecoveryVisit, form: dict[str, str]) -> Response:
    return _key(services, visit, Proof.PASSKEY, form.get("credential", ""))


def post_key(services: Services, visit: RecoveryVisit, form: dict[str, str]) -> Response:
    return _key(services, visit, Proof.KEY, form.get("credential", ""))


def post_letter(services: Services, visit: RecoveryVisit, form: dict[str, str]) -> Response:
    """The letter is looked at; it is spent when the recovery is allowed, or begins to wait."""
    typed = form.get("letter_code", "").strip()
    if Proof.LETTER not in ways_of(services, visit):
        return see_other(STEP)
    if not typed:
        return _again(services, visit, Proof.LETTER, ErrorKind.MISSING_LETTER_CODE)
    check_neighbourhood(services)
    try:
        letter = services.letters.look(typed, kind=LetterKind.RECOVERY, now=visit.now)
        services.recoveries.show(
            visit.recovery.recovery_id,
            Proof.LETTER,
            letter.citizen_id,
            now=visit.now,
            letter_digest=digest(parse_code(typed)),
        )
    except LetterRejected as rejected:
        count_failure(services, FactorRejected(Rejection.WRONG), "letter")
        return proceed(services, visit, way=Proof.LETTER.value, error=letter_error(rejected))
    except SomebodyElses:
        count_failure(services, FactorRejected(Rejection.WRONG), "letter")
        return _again(services, visit, Proof.LETTER, ErrorKind.LETTER_UNKNOWN)
    except NotNow:
        return see_other(STEP)
    services.count("factors", {"kind": "letter", "outcome": "proven"})
    return see_other(STEP)


def _typed(services: Services, visit: RecoveryVisit, proof: Proof, typed: str) -> Response:
    recovery = visit.recovery
    if proof not in ways_of(services, visit) or not recovery.is_about_somebody:
        return see_other(STEP)
    if not typed:
        return _again(services, visit, proof, _MISSING[proof])
    check_neighbourhood(services)
    answers: dict[Proof, type[Answer]] = {
        Proof.PASSWORD: PasswordAnswer,
        Proof.TOTP: TotpAnswer,
        Proof.RECOVERY_CODE: RecoveryCodeAnswer,
    }
    return _verify(services, visit, proof, answers[proof](typed), recovery.citizen_id)  # type: ignore[call-arg]


def _key(services: Services, visit: RecoveryVisit, proof: Proof, credential: str) -> Response:
    recovery = visit.recovery
    if proof not in ways_of(services, visit):
        return see_other(STEP)
    if not credential:
        return _again(services, visit, proof, ErrorKind.MISSING_KEY)
    check_neighbourhood(services, KEYS)
    try:
        ceremony = services.ceremonies.take(RECOVER, visit.binding, credential)
    except CeremonyGone:
        return _again(services, visit, proof, ErrorKind.KEY_LATE)
    known = recovery.citizen_id if recovery.shown else None
    allowed = frozenset(services.webauthn.credential_ids(known)) if known else None
    return _verify(services, visit, proof, WebauthnAnswer(credential, ceremony, allowed), known)


def _verify(
    services: Services, visit: RecoveryVisit, proof: Proof, answer: Answer, citizen_id: str | None
) -> Response:
    recovery, limit = visit.recovery, KEYS if proof in _KEYS else GUESSES
    known_browser = bool(recovery.shown) or _is_known(services, answer, citizen_id, visit.now)
    try:
        verified = services.verification.verify(
            citizen_id,
            answer,
            known_browser=known_browser,
            now=visit.now,
            unknown_key=recovery.unknown_key,
        )
        services.recoveries.show(
            recovery.recovery_id,
            _what_it_is(proof, verified),
            verified.citizen_id,
            now=visit.now,
            factor_id=verified.factor_id,
        )
    except (FactorRejected, Busy) as rejection:
        count_failure(services, rejection, proof.value, limit)
        return proceed(services, visit, way=proof.value, error=_error(proof, rejection, visit))
    except SomebodyElses:
        count_failure(services, FactorRejected(Rejection.WRONG), proof.value, limit)
        return _again(services, visit, proof, ErrorKind.KEY_WRONG)
    except LetterRejected as rejected:
        return proceed(services, visit, way=Proof.LETTER.value, error=letter_error(rejected))
    except NotNow:
        return see_other(STEP)
    services.count("factors", {"kind": proof.value, "outcome": "proven"})
    return see_other(STEP)


def _is_known(services: Services, answer: Answer, citizen_id: str | None, now: datetime) -> bool:
    if isinstance(answer, WebauthnAnswer):
        return is_known_to_the_owner(services, answer.credential_json, now)
    return services.known_browsers.knows(read_cookie(KNOWN), citizen_id, now)


def _what_it_is(proof: Proof, verified: VerifiedFactor) -> Proof:
    """A key that verified its user is two factors, whatever was asked of it; one that did not is one."""
    if proof not in _KEYS:
        return proof
    return Proof.PASSKEY if len(categories_of((verified,))) > 1 else Proof.KEY


def _error(proof: Proof, rejection: FactorRejected | Busy, visit: RecoveryVisit) -> FormError:
    if proof is Proof.PASSWORD:
        return password_error(rejection, visit.now)
    if proof in _KEYS:
        error = passkey_error(rejection, visit.now)
        return FormError(ErrorKind.KEY_WRONG) if error.kind is ErrorKind.PASSKEY_WRONG else error
    error = code_error(rejection, visit.now)
    if proof is Proof.RECOVERY_CODE:
        return FormError(_CODE_KINDS.get(error.kind, error.kind), error.seconds, error.until)
    return error


def _again(services: Services, visit: RecoveryVisit, proof: Proof, kind: ErrorKind) -> Response:
    return proceed(services, visit, way=proof.value, error=FormError(kind))
