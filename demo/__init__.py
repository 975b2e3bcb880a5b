"""The demo: fictional authorities, their services (relying parties built on Authlib), and `make demo`.

parties.py        who takes part: three organisations, their services, three citizens
relying_party.py  what a `fapi2` client does beyond Authlib's own client
service.py        one relying party as a web application; run once for each service
seed.py           makes the parties known to a provider
run.py            `make demo`: starts everything, shows one screen, ends everything
totp.py           `make totp`
"""
