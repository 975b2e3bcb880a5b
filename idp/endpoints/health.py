"""`/healthz`: the process is alive. Whether it can serve is /readyz, on the operators' listener."""

from idp.endpoints.machine import NO_STORE, MachineRequest, MachineResponse

_ALIVE = MachineResponse(200, (("Content-Type", "text/plain; charset=utf-8"), *NO_STORE), b"alive\n")


def healthz(request: MachineRequest) -> MachineResponse:
    """The endpoint."""
    del request
    return _ALIVE
