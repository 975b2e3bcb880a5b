// The neighbour's state in Redis, as its documentation describes an adapter: one object for each kind of thing.
// What is used once is a hash, so that `consume` is one command and does not write the rest again.

import { Redis } from 'ioredis';

const USED_ONCE = new Set(['AuthorizationCode', 'RefreshToken', 'PushedAuthorizationRequest']);
const OF_A_GRANT = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken']);

export function connect(address) {
  const at = new URL(address);
  return at.protocol === 'unix:' ? new Redis({ path: at.pathname }) : new Redis(address);
}

export function adapterOn(redis) {
  return class RedisAdapter {
    constructor(kind) {
      this.kind = kind;
    }

    key(id) {
      return `${this.kind}:${id}`;
    }

    async upsert(id, payload, lifetime) {
      const [key, text] = [this.key(id), JSON.stringify(payload)];
      const batch = redis.multi();
      if (USED_ONCE.has(this.kind)) {
        batch.hset(key, 'payload', text);
        if (lifetime) batch.expire(key, lifetime);
      } else if (lifetime) {
        batch.set(key, text, 'EX', lifetime);
      } else {
        batch.set(key, text);
      }
      if (payload.grantId && OF_A_GRANT.has(this.kind)) {
        batch.rpush(`of-grant:${payload.grantId}`, key);
        batch.expire(`of-grant:${payload.grantId}`, lifetime || 86_400, 'GT');
      }
      if (payload.uid) batch.set(`uid:${payload.uid}`, id, 'EX', lifetime || 86_400);
      await batch.exec();
    }

    async find(id) {
      if (!USED_ONCE.has(this.kind)) {
        const text = await redis.get(this.key(id));
        return text ? JSON.parse(text) : undefined;
      }
      const { payload, consumed } = await redis.hgetall(this.key(id));
      if (!payload) return undefined;
      return consumed ? { ...JSON.parse(payload), consumed: Number(consumed) } : JSON.parse(payload);
    }

    async findByUid(uid) {
      const id = await redis.get(`uid:${uid}`);
      return id ? this.find(id) : undefined;
    }

    async findByUserCode() {
      return undefined; // no device flow here
    }

    async consume(id) {
      await redis.hset(this.key(id), 'consumed', Math.floor(Date.now() / 1000));
    }

    async destroy(id) {
      await redis.del(this.key(id));
    }

    async revokeByGrantId(grantId) {
      const list = `of-grant:${grantId}`;
      const keys = await redis.lrange(list, 0, -1);
      await redis.del(list, ...keys);
    }
  };
}
