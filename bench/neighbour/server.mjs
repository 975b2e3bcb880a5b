// panva's oidc-provider, to be measured beside Adgang (bench/neighbour.py starts it).
//
//   node server.mjs CONFIGURATION.json
//
// One process on one core, ES256 throughout, state in Redis. A second port hands codes out, as a sign-in would have made
// them, so that the generator can redeem them; nothing measured passes through it.

import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';

import Provider from 'oidc-provider';

import { adapterOn, connect } from './redis_adapter.mjs';

const asked = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const issuer = `http://localhost:${asked.port}`;
const PROFILE = {
  name: 'Freja Lindholm', given_name: 'Freja', family_name: 'Lindholm', birthdate: '1990-03-01',
};

const provider = new Provider(issuer, {
  adapter: adapterOn(connect(asked.redis_url)),
  clients: asked.clients,
  jwks: { keys: [asked.signing_key] },
  cookies: { keys: ['bench'] },
  claims: { openid: ['sub'], profile: Object.keys(PROFILE) },
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...PROFILE }) }),
  issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: false, // ours are not rotated for confidential clients either (FAPI 2.0)
  scopes: ['openid', 'profile', 'bench:read'],
  ttl: {
    AccessToken: 300, AuthorizationCode: 60, ClientCredentials: 300, Grant: 86_400, IdToken: 300, RefreshToken: 86_400,
  },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true, allowedPolicy: () => true },
    pushedAuthorizationRequests: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({
        scope: 'bench:read', accessTokenFormat: 'jwt', accessTokenTTL: 300, jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
});

async function grants(clientId, count) {
  return Promise.all(Array.from({ length: count }, async (_, number) => {
    const grant = new provider.Grant({ clientId, accountId: `citizen-${number}` });
    grant.addOIDCScope('openid profile');
    return { grantId: await grant.save(), accountId: grant.accountId };
  }));
}

const known = new Map();

async function codes({ client_id: clientId, redirect_uri: redirectUri, challenge, count }) {
  const client = await provider.Client.find(clientId);
  if (!known.has(clientId)) known.set(clientId, await grants(clientId, asked.citizens));
  const theirs = known.get(clientId);
  return Promise.all(Array.from({ length: count }, (_, number) => new provider.AuthorizationCode({
    ...theirs[number % theirs.length],
    client,
    redirectUri,
    scope: 'openid profile',
    nonce: `nonce-${number}`,
    codeChallenge: challenge,
    codeChallengeMethod: 'S256',
    acr: 'urn:adgang:loa:substantial',
    authTime: Math.floor(Date.now() / 1000),
    expiresWithSession: false,
  }).save()));
}

createServer(async (request, response) => {
  const body = JSON.parse(Buffer.concat(await request.toArray()).toString());
  response.end(JSON.stringify(await codes(body)));
}).listen(asked.helper_port, '127.0.0.1');

provider.listen(asked.port, '127.0.0.1');
