"""What endpoints and pages may use, wired once by app.py and handed on as one frozen dataclass."""

from collections.abc import Callable
from dataclasses import dataclass

from clients_registry.registry import Registry
from idp.activation.activation import Activation
from idp.activation.record import ActivationRecord
from idp.browser_sessions import BrowserSessionRules
from idp.ceremonies import Ceremonies
from idp.clock import Clock
from idp.known_browsers import KnownBrowsers
from idp.lasting_access import LastingAccesses
from idp.letters.letters import Letters
from idp.logout.ports import LogoutQueue
from idp.logout.records import SignOut, SignOutRequest
from idp.messages.ports import Outbox
from idp.outbound.fetcher import Fetcher
from idp.places import FindPlace
from idp.protocol.dpop_nonce import DpopNonces
from idp.protocol.policy import ProtocolPolicy
from idp.protocol.tls_client_auth import ClientAuthorities
from idp.records import OpaqueToken
from idp.recovery.letter_orders import LetterOrdering
from idp.recovery.moves import RecoveryMoves
from idp.recovery.stopping import RecoveryStops
from idp.repeated_values import RepeatedValues
from idp.self_service import SelfService
from idp.storage import ports
from idp.storage.device_ports import DeviceRequests
from idp.tokens.revoked_tokens import RevokedTokens
from idp.tokens.subject import Subjects
from idp.traffic import Traffic
from keys.key_ring import KeyRing
from mfa.enrolment import Enrolment
from mfa.overview import Overview
from mfa.ports import Factors
from mfa.recovery_enrolment import RecoveryEnrolment
from mfa.verification import Verification
from mfa.webauthn_enrolment import WebauthnEnrolment


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that one process of the provider serves with."""

    policy: ProtocolPolicy
    clock: Clock
    transact: ports.Transact
    registry: Registry
    client_authorities: ClientAuthorities
    key_ring: KeyRing
    verification: Verification
    factors: Factors
    """For reading; every change goes through one of the enrolments."""
    enrolment: Enrolment
    factor_overview: Overview
    self_service: SelfService
    lasting_accesses: LastingAccesses
    webauthn: WebauthnEnrolment
    recovery_codes: RecoveryEnrolment
    ceremonies: Ceremonies
    subjects: Subjects
    sessions: BrowserSessionRules
    known_browsers: KnownBrowsers
    find_place: FindPlace
    """Of an address; None where nobody says where it is."""
    pushed_requests: ports.PushedRequests
    login_attempts: ports.LoginAttempts
    partial_sign_ins: ports.PartialSignIns
    visits: ports.Visits
    codes: ports.AuthorizationCodes
    device_requests: DeviceRequests
    opaque_tokens: ports.Records[OpaqueToken]
    browser_sessions: ports.BrowserSessions
    one_time: ports.OneTime
    seen: ports.Seen
    dpop_nonces: DpopNonces
    rates: ports.Rates
    citizens: ports.Citizens
    consents: ports.Consents
    grants: ports.Grants
    refresh_tokens: ports.RefreshTokens
    revoked_tokens: RevokedTokens
    spent: ports.Spent
    ended_sessions: ports.EndedSessions
    redemptions: ports.Redemptions
    ledger: ports.Ledger
    history: ports.History
    letters: Letters
    activation: Activation
    activations: ports.Records[ActivationRecord]
    outbox: Outbox
    """For the inbox (`of_citizen`): whoever changes something appends to the ledger, which tells."""
    logout_notices: LogoutQueue
    """For reading what came of them: whoever ends a session writes them."""
    sign_out_requests: ports.Records[SignOutRequest]
    sign_outs: ports.Records[SignOut]
    safeties: ports.Safeties
    recoveries: RecoveryMoves
    recovery_stops: RecoveryStops
    letter_orders: LetterOrdering
    fetcher: Fetcher
    """The only way to an address that a client registered."""
    traffic: Traffic
    repeated_values: RepeatedValues
    count: Callable[[str, dict[str, str]], None]
    """`count(event, labels)`: one step of a metric. Never fails, never slow."""
