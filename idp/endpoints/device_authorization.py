"""The device authorization endpoint (RFC 8628 §3.1, §3.2): a device leaves its request and gets two codes.

The device code is its own secret; the user code is what it shows. `device_name`, beside the registered members, is what
it must show too, so that the citizen can tell this device from a stranger's.
"""

from datetime import datetime

from clients_registry.client import Client
from idp.addresses import neighbourhood
from idp.asking_device import AskingDevice
from idp.device_records import DeviceRequest
from idp.endpoints.client import authenticated_client
from idp.endpoints.machine import MachineFunction, MachineRequest, MachineResponse, json_response
from idp.errors import StoreUnavailable, TooManyRequests, UnauthorizedClient
from idp.ids import new_number, new_secret, new_user_code
from idp.protocol.client_auth import ClientAuthentication
from idp.protocol.device_authorization import (
    GRANT_TYPE,
    INTERVAL_SECONDS,
    USER_CODE_LETTERS,
    check_device_request,
    device_name,
)
from idp.records import AuthorizationRequest
from idp.services import Services

_TRIES = 5
"""Of a user code that no other device shows now: one in millions is taken."""


def device_authorization(services: Services, authentication: ClientAuthentication) -> MachineFunction:
    """The endpoint."""
    policy = services.policy

    def respond(request: MachineRequest) -> MachineResponse:
        now = services.clock()
        # 1. The form.
        parameters = request.form()
        # 2. The client, and whether it may.
        client = authenticated_client(authentication, request, parameters, now, services).client
        if GRANT_TYPE not in client.grant_types:
            raise UnauthorizedClient("The client is not registered for the device authorization grant.")
        _check_flood(services, client, neighbourhood(request.peer_address))
        # 3. What it asks for, as an authorization request would.
        asked = check_device_request(parameters, client, services.registry, policy)
        # 4. Kept under both codes.
        device_code, kept = _keep(services, client, asked, request.peer_address, now)
        # 5. The answer (RFC 8628 §3.2).
        return json_response(
            {
                "device_code": device_code,
                "user_code": kept.device.user_code,
                "verification_uri": policy.verification_uri,
                "expires_in": int(policy.device_code_lifetime.total_seconds()),
                "interval": INTERVAL_SECONDS,
                "device_name": kept.device.name,
            }
        )

    return respond


def _check_flood(services: Services, client: Client, address: str) -> None:
    """A public client proves nothing, so its requests are counted by address. Raises: TooManyRequests."""
    policy = services.policy
    if not client.is_public:
        return
    count = services.rates.count("device-request", f"{client.client_id} {address}", policy.failure_window)
    if count > policy.device_requests_per_window:
        raise TooManyRequests("Too many devices have asked from this address; wait a minute.")


def _keep(
    services: Services, client: Client, asked: AuthorizationRequest, peer_address: str, now: datetime
) -> tuple[str, DeviceRequest]:
    device_code = new_secret()
    name, language = device_name(new_number(), asked.ui_locales)
    # A confidential client asks from its server's address, which would mislead.
    place = services.find_place(peer_address) if client.is_public else None
    for _ in range(_TRIES):
        letters = new_user_code(USER_CODE_LETTERS)
        device = AskingDevice(
            name=name,
            name_language=language,
            user_code=f"{letters[:4]}-{letters[4:]}",
            asked_at=now,
            city=place.city if place else "",
            country_code=place.country_code if place else "",
        )
        kept = DeviceRequest(asked, device, now + services.policy.device_code_lifetime)
        if services.device_requests.put(device_code, letters, kept):
            return device_code, kept
    raise StoreUnavailable("no user code is free")
