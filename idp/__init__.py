"""The provider itself, on top of three packages that do not know it: keys, mfa and clients_registry.

Where to look:

    endpoints/   one file per protocol endpoint, plain functions from a MachineRequest to a MachineResponse
    protocol/    the rules, one file per feature of a specification
    grants/      one file per grant_type
    tokens/      the single mint
    login/       the pages of a sign-in, and the table that decides which comes next
    portal/      the citizen's own pages
    ledger/      what happened to a citizen's data, append-only
    storage/     what is kept, and where
    app.py       the only file that wires all this together

`create_app` is not re-exported here: that would pull Flask into every import.
"""
