"""The page as a view model: ids #user-code #continue, #error-user-code."""

from dataclasses import dataclass, field
from typing import ClassVar

from idp.web.form_errors import FormError
from idp.web.page import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceEntry(Page):
    """Asks for the code, and says when not to type one."""

    template: ClassVar[str] = "portal/device.html"

    csrf_token: str = field(repr=False)
    error: FormError | None = None

    @property
    def address(self) -> str:
        return "/device"
