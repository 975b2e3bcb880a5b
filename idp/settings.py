"""The settings of a deployment, and the only reader of the environment.

Every field is typed, has a help line, and a default that is safe in production or is required. Every fault is
reported at once, before anything is opened. Seen by app, serving, cli and __main__ only. `docs/settings.md` is this
table; a test compares them.
"""

import os
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from idp.errors import ConfigurationFaults
from idp.settings_addresses import (
    internal_network_faults,
    listen_faults,
    network_faults,
    sqlite_file,
    store_faults,
)
from idp.settings_mtls import MtlsSettings
from idp.settings_parsing import parse_value
from idp.settings_webauthn import WebauthnSettings, webauthn_settings

_PREFIX = "ADGANG_"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _setting(
    help_line: str,
    default: Any = MISSING,
    *,
    at_least: int | None = None,
    at_most: int | None = None,
    one_of: tuple[str, ...] = (),
    secret: bool = False,
) -> Any:
    metadata = {
        "help": help_line,
        "at_least": at_least,
        "at_most": at_most,
        "one_of": one_of,
        "secret": secret,
    }
    if default is MISSING:
        return field(metadata=metadata)
    return field(default=default, metadata=metadata, repr=not secret)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One deployment. Read with `Settings.from_environment`; each field is the variable ADGANG_<NAME>."""

    issuer: str = _setting("The provider's address and issuer identifier: https, no path, no trailing slash.")
    secrets_directory: Path = _setting(
        "Directory (0700) with the deployment's secret files (0600), made by `adgang secrets create`."
    )
    environment: str = _setting(
        "`production`, or `demo`, which alone may use settings whose name begins with insecure_.",
        "production",
        one_of=("production", "demo"),
    )
    state_directory: Path = _setting("Where the default stores keep their files.", Path("var"))
    database_url: str = _setting(
        "SQLAlchemy URL of PostgreSQL (postgresql+psycopg://…) or SQLite. Empty: SQLite in the state directory.",
        "",
    )
    redis_url: str = _setting("URL of Redis or Valkey. Empty: an embedded Valkey in the state directory.", "")
    listen_host: str = _setting("Address that the provider listens on.", "127.0.0.1")
    listen_port: int = _setting("Port that the provider listens on.", 8000, at_least=1, at_most=65535)
    admin_host: str = _setting(
        "Address of the operators' listener: /readyz and /metrics. Never public.", "127.0.0.1"
    )
    admin_port: int = _setting("Port of the operators' listener.", 9464, at_least=1, at_most=65535)
    workers: int = _setting("Worker processes.", 2, at_least=1, at_most=256)
    threads: int = _setting(
        "Threads in each worker; it has more for passwords that wait.", 4, at_least=1, at_most=64
    )
    trusted_proxies: tuple[str, ...] = _setting(
        "Networks, separated by commas, whose X-Forwarded-For and Client-Cert are believed. Nobody by default.",
        (),
    )
    mtls_origin: str = _setting(
        "Address where a trusted proxy asks clients for a certificate (RFC 8705). Empty: no mutual TLS.", ""
    )
    mtls_ca_file: Path | None = _setting(
        "PEM of the authorities whose client certificates are believed. Empty: no tls_client_auth.", None
    )
    log_level: str = _setting(
        "Least severe level that is logged.", "INFO", one_of=("DEBUG", "INFO", "WARNING")
    )
    access_log: bool = _setting(
        "Whether each answer is a line of the log. False where the proxy in front keeps one.", True
    )
    key_algorithms: tuple[str, ...] = _setting(
        "Signing algorithms that always have a key.", ("ES256", "RS256")
    )
    password_hashing_concurrency: int = _setting(
        "Passwords hashed at once in each worker; each takes 46 MiB.", 2, at_least=1, at_most=32
    )
    pushed_request_seconds: int = _setting("Life of a request_uri (RFC 9126).", 60, at_least=5, at_most=300)
    code_seconds: int = _setting("Life of an authorization code.", 30, at_least=5, at_most=60)
    id_token_seconds: int = _setting("Life of an ID token.", 300, at_least=30, at_most=300)
    access_token_seconds: int = _setting("Life of an access token.", 300, at_least=30, at_most=3600)
    offline_access_days: int = _setting(
        "How long a service keeps the lasting access that a citizen gave it.", 30, at_least=1, at_most=30
    )
    offline_access_unused_days: int = _setting(
        "Lasting access that is unused for so long is over.", 7, at_least=1, at_most=30
    )
    login_attempt_seconds: int = _setting("Time to finish a sign-in.", 600, at_least=60, at_most=600)
    session_idle_seconds: int = _setting(
        "A session unused for so long has ended.", 1800, at_least=60, at_most=3600
    )
    session_seconds: int = _setting("A session's absolute end.", 28800, at_least=300, at_most=86400)
    jwks_max_age_seconds: int = _setting(
        "How long clients may keep the JWKS. After lowering it, move no key before the old time has passed.",
        300,
        at_least=5,
        at_most=3600,
    )
    jwks_slowest_cache_seconds: int = _setting(
        "How long those who are no clients, such as APIs, may go on using a JWKS; a new key waits for them too.",
        86_400,
        at_least=0,
        at_most=604_800,
    )
    key_rotate_days: int = _setting("Age at which a signing key is replaced.", 90, at_least=1, at_most=730)
    key_schedule_seconds: int = _setting(
        "How often each worker looks whether a key is to be moved.", 30, at_least=1, at_most=600
    )
    key_encryption_key: str = _setting(
        "The key-encryption key itself: 32 bytes in base64url. Empty: it is read from a file.",
        "",
        secret=True,
    )
    key_encryption_key_file: Path | None = _setting(
        "File (0600) with the key-encryption key. Empty: `key-encryption-key` in the secrets directory.", None
    )
    key_encryption_key_pkcs11: str = _setting(
        "RFC 7512 address of a secret in an HSM that makes the key-encryption key. Empty: none.", ""
    )
    key_encryption_key_other_pkcs11: str = _setting(
        "Address of the next or the previous such secret, which only opens, while a new one is brought in.",
        "",
    )
    signing_backend: str = _setting(
        "Where new signing keys are made, and sign: in this process, or in an HSM, which they never leave.",
        "software",
        one_of=("software", "pkcs11"),
    )
    signing_token_pkcs11: str = _setting(
        "RFC 7512 address of the HSM's token for signing keys; object= is a label that only this deployment uses.",
        "",
    )
    letter_days: int = _setting("Days that the code in a letter can be used.", 21, at_least=1, at_most=30)
    recovery_minutes: int = _setting(
        "Time to show the proofs of a recovery, and then to make the change.", 60, at_least=10, at_most=240
    )
    recovery_wait_hours: int = _setting(
        "Cooling-off of a recovery without two independent proofs.", 24, at_least=24, at_most=336
    )
    recovery_wait_by_post_days: int = _setting(
        "The same for citizens without e-mail, whom only a letter can warn.", 7, at_least=1, at_most=30
    )
    recovery_finish_days: int = _setting(
        "Time to finish a recovery after its cooling-off.", 7, at_least=1, at_most=14
    )
    recovery_letter_every_days: int = _setting(
        "A citizen gets one letter for a recovery in so many days.", 7, at_least=1, at_most=90
    )
    recovery_cap_days: int = _setting(
        "So many days after a recovery, what was bound in it raises no level.", 7, at_least=7, at_most=90
    )
    proofing_days: int = _setting(
        "Days that an officer's proofing of a citizen counts.", 30, at_least=1, at_most=90
    )
    smtp_host: str = _setting(
        "Mail server that takes messages to citizens. Empty: they are in the portal and go by letter.", ""
    )
    smtp_port: int = _setting("Its port.", 587, at_least=1, at_most=65535)
    smtp_security: Literal["starttls", "tls"] = _setting(
        "How the connection is encrypted.", "starttls", one_of=("starttls", "tls")
    )
    smtp_user: str = _setting(
        "Our name there; the password is in `smtp-password` in the secrets directory. Empty: none is asked for.",
        "",
    )
    smtp_from: str = _setting("Address that messages come from. Required with a mail server.", "")
    smtp_ca_file: Path | None = _setting(
        "PEM of the authority that signed the mail server's certificate. Empty: those the system trusts.",
        None,
    )
    dpop_nonce_required: bool = _setting(
        "Take no DPoP proof without a nonce of ours. Every answer to a proof offers one, but not every library can use it.",
        False,
    )
    userinfo_acr_values: tuple[str, ...] = _setting(
        "Levels, separated by commas, one of which the sign-in must have before userinfo tells anything. Empty: any.",
        (),
    )
    userinfo_max_age_seconds: int = _setting(
        "Userinfo asks for a new sign-in where the last is older than this. 0: however old it is.",
        0,
        at_least=0,
        at_most=86_400,
    )
    clock_skew_seconds: int = _setting("How far ahead iat and nbf may be.", 60, at_least=10, at_most=60)
    failed_sign_ins_per_address: int = _setting(
        "Failed sign-ins from one address (IPv6: /64) in ten minutes before it is told to wait.",
        100,
        at_least=5,
        at_most=100_000,
    )
    sign_ins_begun_per_address: int = _setting(
        "Sign-ins begun from one address (IPv6: /64) in a minute before it is told to wait. More where many share one.",
        1_000,
        at_least=10,
        at_most=1_000_000,
    )
    opaque_tokens_per_client: int = _setting(
        "Opaque access tokens that one service asks for by itself in a minute before it is told to wait.",
        6_000,
        at_least=10,
        at_most=1_000_000,
    )
    webauthn_rp_id: str = _setting(
        "Domain that passkeys belong to (WebAuthn rpId); never change it. Empty: the issuer's host.", ""
    )
    webauthn_origins: tuple[str, ...] = _setting(
        "Origins, separated by commas, on which passkeys are used. Empty: the issuer.", ()
    )
    webauthn_aaguids: tuple[str, ...] = _setting(
        "Models of security keys that may be added, by AAGUID, separated by commas. Empty: every key.", ()
    )
    webauthn_trust_roots: Path | None = _setting(
        "File with the certificates (PEM) that attest those models. Empty: no attestation is asked for.", None
    )
    level_high: bool = _setting(
        "Offer level High: needs attested keys, proofed citizens and an audit that software cannot replace.",
        False,
    )
    operator_name: str = _setting(
        "Who runs this provider and answers for it; shown on help and privacy pages.", ""
    )
    operator_contact: str = _setting(
        "The operator's telephone number or e-mail address, as people should read it.", ""
    )
    logo_directory: Path | None = _setting(
        "Directory with organisations' logos as SVG files, served by the provider. Empty: no logos.", None
    )
    insecure_smtp_plain: bool = _setting(
        "Speak to the mail server without encryption. For the demo and for tests.", False
    )
    location_database: Path | None = _setting(
        "MMDB file that tells where an address is, for the citizens' list of sessions. Empty: no places.",
        None,
    )
    outbound_internal_networks: tuple[str, ...] = _setting(
        "Private networks, separated by commas, in which addresses of clients may be called. None by default.",
        (),
    )
    outbound_ca_file: Path | None = _setting(
        "PEM of authorities that sign clients' certificates, beside those the system trusts.", None
    )
    insecure_allow_http_loopback: bool = _setting(
        "Issuer and clients may use http on the loopback address. For the demo.", False
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Read ADGANG_* variables.

        Raises:
            ConfigurationFaults: with one sentence for every fault there is.
        """
        source = os.environ if environment is None else environment
        values: dict[str, Any] = {}
        faults: list[str] = []
        known = {_variable(f): f for f in fields(cls)}
        for name in sorted(n for n in source if n.startswith(_PREFIX)):
            if name not in known and name not in _NOT_OURS:
                faults.append(f"{name} is not a setting; `adgang settings` lists them.")
        for name, setting in known.items():
            raw = source.get(name)
            if raw is None or raw == "":
                if setting.default is MISSING:
                    faults.append(f"{name} is required: {setting.metadata['help']}")
                continue
            try:
                values[setting.name] = parse_value(setting, raw)
            except ValueError as fault:
                faults.append(f"{name} {fault}")
        if faults:
            raise ConfigurationFaults(faults)
        settings = cls(**values)
        faults = list(settings._faults())
        if faults:
            raise ConfigurationFaults(faults)
        return settings

    @property
    def sql_url(self) -> str:
        """The database's URL, with the default filled in."""
        return self.database_url or f"sqlite:///{(self.state_directory / 'adgang.sqlite3').absolute()}"

    @property
    def sqlite_file(self) -> Path | None:
        """The database's file; None where it is no SQLite."""
        return sqlite_file(self.sql_url)

    @property
    def webauthn(self) -> WebauthnSettings:
        """Who we are to authenticators, with the defaults filled in."""
        return webauthn_settings(
            self.issuer,
            rp_id=self.webauthn_rp_id,
            origins=self.webauthn_origins,
            aaguids=self.webauthn_aaguids,
            trust_roots=self.webauthn_trust_roots,
            level_high=self.level_high,
        )

    @property
    def password_places(self) -> int:
        """Requests with a password that one worker takes at once: as many as are hashed in half a second (S-235)."""
        return 4 * self.password_hashing_concurrency

    @property
    def is_loopback_http(self) -> bool:
        """True on the demo's plain http address, where cookies can be neither Secure nor __Host-."""
        return self.issuer.startswith("http://")

    def _faults(self) -> list[str]:
        """What is wrong although each value is well-formed."""
        faults = _issuer_faults(self) or self.webauthn.faults()  # which follow from the issuer
        faults = [*faults, *store_faults(self.database_url, self.redis_url)]
        faults += listen_faults(self.listen_host, self.listen_port, self.admin_host, self.admin_port)
        faults += MtlsSettings(self.mtls_origin, self.mtls_ca_file, self.trusted_proxies).faults()
        if self.environment == "production":
            faults += [
                f"{_variable(f)} weakens security and is refused when ADGANG_ENVIRONMENT is production."
                for f in fields(self)
                if f.name.startswith("insecure_") and getattr(self, f.name)
            ]
            if self.log_level == "DEBUG":
                faults.append(
                    "ADGANG_LOG_LEVEL may not be DEBUG when ADGANG_ENVIRONMENT is production; use INFO."
                )
        sources = (
            self.key_encryption_key,
            self.key_encryption_key_file,
            self.key_encryption_key_pkcs11,
        )
        if sum(map(bool, sources)) > 1:
            faults.append("More than one setting ADGANG_KEY_ENCRYPTION_KEY… is set; keep one of them.")
        if self.signing_backend == "pkcs11" and not self.signing_token_pkcs11:
            faults.append("ADGANG_SIGNING_BACKEND is pkcs11; name the token in ADGANG_SIGNING_TOKEN_PKCS11.")
        if self.smtp_host and "@" not in self.smtp_from:
            faults.append("ADGANG_SMTP_FROM must be an e-mail address where ADGANG_SMTP_HOST is set.")
        if self.session_idle_seconds > self.session_seconds:
            faults.append(
                "ADGANG_SESSION_IDLE_SECONDS is longer than ADGANG_SESSION_SECONDS; make it shorter."
            )
        faults += internal_network_faults(self.outbound_internal_networks)
        return faults + network_faults(self.trusted_proxies)


_NOT_OURS = frozenset(
    {"ADGANG_DEMO_PORT_BASE", "ADGANG_DEMO_DIRECTORY", "ADGANG_CI_REQUIRE_ALL", "ADGANG_HASH_EXTRA"}
)
"""Variables of the Makefile and the tests, which share the prefix."""


def _variable(setting: "Field[Any]") -> str:
    return _PREFIX + setting.name.upper()


def _issuer_faults(settings: Settings) -> list[str]:
    """RFC 8414 §2: https, no query or fragment. We also refuse a path, so that every document has one address."""
    parts = urlsplit(settings.issuer)
    if parts.path or parts.query or parts.fragment or not parts.hostname or "@" in parts.netloc:
        return [
            "ADGANG_ISSUER must be scheme, host and perhaps a port, nothing else: https://adgang.example."
        ]
    if parts.scheme == "https":
        return []
    if parts.scheme == "http" and parts.hostname in _LOOPBACK and settings.insecure_allow_http_loopback:
        return []
    return ["ADGANG_ISSUER must begin with https://."]


def settings_table(settings: Settings | None = None) -> list[tuple[str, str, str, str]]:
    """Rows of (variable, default or present value, bounds, help), for `adgang settings` and docs/settings.md."""
    rows = []
    for setting in fields(Settings):
        default = "required" if setting.default is MISSING else setting.default
        value = default if settings is None else getattr(settings, setting.name)
        if setting.metadata["secret"] and value:
            value = "(set)"
        rows.append((_variable(setting), _shown(value), _bounds(setting), str(setting.metadata["help"])))
    return rows


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(value)
    text = "" if value is None else str(value)
    parts = urlsplit(text)
    if parts.password:
        return text.replace(f":{parts.password}@", ":…@")
    return text


def _bounds(setting: "Field[Any]") -> str:
    if setting.metadata["one_of"]:
        return ", ".join(setting.metadata["one_of"])
    if setting.metadata["at_least"] is not None:
        return f"{setting.metadata['at_least']} to {setting.metadata['at_most']}"
    return ""
