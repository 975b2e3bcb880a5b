"""The high-water mark of the keys in Redis or Valkey. Implements `keys.ports.HighWater`."""

from typing import Any

from redis.exceptions import RedisError

from keys.errors import KeysUnavailable
from keys.high_water import encode_mark, parse_mark
from keys.key import Mark

_NAME = "adgang:keys:high-water"
_RAISE = """
local present = redis.call('HGET', KEYS[1], 'version')
if not present or tonumber(present) < tonumber(ARGV[1]) then
  redis.call('HSET', KEYS[1], 'version', ARGV[1], 'mark', ARGV[2])
end
"""


class RedisHighWater:
    """`client` is a redis-py client of the provider's own making (timeouts, no retries)."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def read(self) -> Mark | None:
        try:
            found = self._client.hget(_NAME, "mark")
        except RedisError as fault:
            raise KeysUnavailable("Redis does not answer.") from fault
        return None if found is None else parse_mark(found if isinstance(found, bytes) else found.encode())

    def raise_to(self, mark: Mark) -> None:
        try:
            self._client.eval(_RAISE, 1, _NAME, mark.version, encode_mark(mark))
        except RedisError as fault:
            raise KeysUnavailable("Redis does not answer.") from fault
