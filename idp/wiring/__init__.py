"""The only place that joins settings, stores and services: each part is opened when it is first asked for.

So a command opens no more than it needs: `adgang keys list` touches no Redis, and discovery is served while the
database is away. Each file has the parts of one concern and stands on the ones before it:

    foundation ◀─ policies ◀─ signing_keys ◀─ clients ◀─ logouts ◀─ factors ◀─ citizens ◀─ messages ◀─ recovery ◀─ process
"""

from idp.wiring.process import Wiring

__all__ = ["Wiring"]
