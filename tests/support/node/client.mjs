// openid-client (npm), a certified FAPI 2.0 client, driven from a test: a JSON object with `do` on each line of
// standard input, its answer on a line of standard output. One process plays one client; what the library knows and
// checks by itself is the library's own.

import { createHash, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import https from 'node:https'
import { createInterface } from 'node:readline'
import * as jose from 'jose'
import * as client from 'openid-client'

const { subtle } = globalThis.crypto
const ALGORITHMS = {
  ES256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  PS256: { name: 'RSA-PSS', hash: 'SHA-256' },
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  EdDSA: { name: 'Ed25519' },
  Ed25519: { name: 'Ed25519' },
}
const state = { keys: {}, answers: [] }

async function makeKey({ name, alg, use = 'sig', bits = 2048 }) {
  let pair
  if (use === 'enc') pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  else if (alg === 'ES256') pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  else if (alg === 'EdDSA' || alg === 'Ed25519') pair = generateKeyPairSync('ed25519')
  else pair = generateKeyPairSync('rsa', { modulusLength: bits })
  const jwk = pair.publicKey.export({ format: 'jwk' })
  const kid = createHash('sha256').update(JSON.stringify(jwk)).digest('base64url')
  const described = use === 'enc' ? { name: 'ECDH', namedCurve: 'P-256' } : ALGORITHMS[alg]
  const der = pair.privateKey.export({ format: 'der', type: 'pkcs8' })
  const usages = use === 'enc' ? ['deriveBits'] : ['sign']
  const privateKey = await subtle.importKey('pkcs8', der, described, true, usages)
  const spki = pair.publicKey.export({ format: 'der', type: 'spki' })
  const publicKey = await subtle.importKey('spki', spki, described, true, use === 'enc' ? [] : ['verify'])
  state.keys[name] = { kid, alg, use, privateKey, publicKey }
  return { ...jwk, kid, alg, use }
}

// What the test wants changed in a JWT that the library makes: members set, or removed where the value is null.
function altering({ header = {}, claims = {} } = {}) {
  const apply = (target, changes) => {
    for (const [name, value] of Object.entries(changes)) {
      if (value === null) delete target[name]
      else target[name] = value
    }
  }
  return { [client.modifyAssertion]: (h, p) => (apply(h, header), apply(p, claims)) }
}

function authentication({ method, secret, key, changes }) {
  if (method === 'private_key_jwt') {
    const { privateKey, kid } = state.keys[key]
    return client.PrivateKeyJwt({ key: privateKey, kid }, altering(changes))
  }
  if (method === 'client_secret_basic') return client.ClientSecretBasic(secret)
  if (method === 'client_secret_post') return client.ClientSecretPost(secret)
  if (method === 'tls_client_auth') return client.TlsClientAuth()
  return client.None()
}

// What the test wants changed in the next requests to this path, since a certified library sends nothing that is wrong:
// headers by pattern, members of the form (removed where null), the verb, or all of it sent twice.
function altered(url, options) {
  const { path, headers = {}, form = {}, method } = state.altering ?? {}
  if (!state.altering || new URL(url).pathname !== path) return options
  const sent = new Headers(options.headers)
  for (const [name, [pattern, text]] of Object.entries(headers)) {
    sent.set(name, (sent.get(name) ?? '').replace(new RegExp(pattern), text))
  }
  let { body } = options
  if (body && Object.keys(form).length) {
    body = new URLSearchParams(body)
    for (const [name, value] of Object.entries(form)) value === null ? body.delete(name) : body.set(name, value)
  }
  if (method === 'GET') body = undefined
  return { ...options, headers: sent, body, method: method ?? options.method }
}

// With a client certificate, which fetch knows nothing of; the name of the proxy leads to this machine.
function overTls(url, { method, headers, body }) {
  const here = (name, options, found) => found(null, options.all ? [{ address: '127.0.0.1', family: 4 }] : '127.0.0.1', 4)
  const asked = { method, headers: Object.fromEntries(new Headers(headers)), lookup: here, agent: false, ...state.certificate }
  return new Promise((resolve, reject) => {
    const request = https.request(url, asked, async (answer) => {
      const parts = []
      for await (const part of answer) parts.push(part)
      resolve(new Response(Buffer.concat(parts), { status: answer.statusCode, headers: answer.headers }))
    })
    request.on('error', reject)
    request.end(body ? String(body) : undefined)
  })
}

async function sentAs(url, options) {
  const changed = altered(url, options)
  const send = String(url).startsWith('https:') ? overTls : fetch
  if (changed !== options && state.altering.twice) await send(url, changed)
  return send(url, changed)
}

async function recorded(url, options) {
  const answer = await sentAs(url, options)
  const copy = answer.clone()
  const headers = Object.fromEntries(copy.headers)
  state.answers.push({ url: String(url), method: options?.method, sent: Object.fromEntries(new Headers(options?.headers)),
    status: copy.status, headers, body: await copy.text() })
  return answer
}

const commands = {
  key: makeKey,

  async alter(what) {
    state.altering = what.path ? what : undefined
    return {}
  },

  // What a library would never make: a JWT by one of this client's keys, whatever it says.
  async jwt({ key, header, claims }) {
    const { privateKey, kid, alg } = state.keys[key]
    return new jose.SignJWT(claims).setProtectedHeader({ alg, kid, ...header }).sign(privateKey)
  },

  async verify({ token, ...options }) {
    const keys = jose.createRemoteJWKSet(new URL(state.config.serverMetadata().jwks_uri))
    const { protectedHeader, payload } = await jose.jwtVerify(token, keys, { clockTolerance: 60, ...options })
    return { header: protectedHeader, claims: payload }
  },

  async configure({ issuer, client_id, metadata = {}, auth, wants = [], dpop, decrypt, skew = 0, certificate }) {
    state.altering = undefined
    if (certificate) {
      const { cert, key, ca } = certificate
      state.certificate = { ca: readFileSync(ca), ...(cert ? { cert: readFileSync(cert), key: readFileSync(key) } : {}) }
    }
    const execute = [client.allowInsecureRequests]
    if (wants.includes('jarm')) execute.push(client.useJwtResponseMode)
    if (wants.includes('nonrepudiation')) execute.push(client.enableNonRepudiationChecks)
    const known = { ...metadata, [client.clockSkew]: skew, [client.clockTolerance]: 60 }
    const options = { execute, algorithm: 'oidc', [client.customFetch]: recorded }
    state.config = await client.discovery(new URL(issuer), client_id, known, authentication(auth), options)
    state.config[client.customFetch] = recorded
    if (decrypt) {
      const { privateKey, kid } = state.keys[decrypt]
      client.enableDecryptingResponses(state.config, ['A128GCM', 'A256GCM'], { key: privateKey, kid, alg: 'ECDH-ES' })
    }
    state.dpop = undefined
    if (dpop) {
      const { privateKey, publicKey } = state.keys[dpop.key]
      state.dpop = client.getDPoPHandle(state.config, { privateKey, publicKey }, altering(dpop.changes))
    }
    return state.config.serverMetadata()
  },

  async ask({ parameters = {}, push = false, sign, changes, outside = {}, dpop = true, jkt = false }) {
    state.verifier = client.randomPKCECodeVerifier()
    state.checks = { pkceCodeVerifier: state.verifier, idTokenExpected: true }
    const asked = {
      code_challenge: await client.calculatePKCECodeChallenge(state.verifier),
      code_challenge_method: 'S256',
      scope: 'openid',
      ...parameters,
    }
    if (asked.state === undefined) asked.state = client.randomState()
    if (asked.nonce === undefined) asked.nonce = client.randomNonce()
    for (const name of Object.keys(asked)) if (asked[name] === null) delete asked[name]
    if (jkt) asked.dpop_jkt = await state.dpop.calculateThumbprint()
    state.checks.expectedState = asked.state
    state.checks.expectedNonce = asked.nonce
    if (asked.max_age !== undefined) state.checks.maxAge = Number(asked.max_age)
    let url = client.buildAuthorizationUrl(state.config, asked)
    if (sign) {
      const { privateKey, kid } = state.keys[sign]
      url = await client.buildAuthorizationUrlWithJAR(state.config, asked, { key: privateKey, kid }, altering(changes))
    }
    for (const [name, value] of Object.entries(outside)) url.searchParams.set(name, value)
    if (push) {
      const options = dpop ? { DPoP: state.dpop } : {}
      url = await client.buildAuthorizationUrlWithPAR(state.config, url.searchParams, options)
    }
    return { url: url.href, state: asked.state, nonce: asked.nonce, verifier: state.verifier }
  },

  // `url` is where the browser came back to; the library checks the answer, the tokens and whatever they say.
  async finish({ url, parameters, checks = {}, dpop = true }) {
    const tokens = await client.authorizationCodeGrant(
      state.config, new URL(url), { ...state.checks, ...checks }, parameters, { DPoP: dpop ? state.dpop : undefined })
    return { tokens, claims: tokens.claims() }
  },

  async userinfo({ token, subject }) {
    return client.fetchUserInfo(state.config, token, subject ?? client.skipSubjectCheck, { DPoP: state.dpop })
  },

  async refresh({ token, parameters }) {
    const tokens = await client.refreshTokenGrant(state.config, token, parameters, { DPoP: state.dpop })
    return { tokens, claims: tokens.claims() }
  },

  async client_credentials({ parameters }) {
    return client.clientCredentialsGrant(state.config, parameters, { DPoP: state.dpop })
  },

  async grant({ grant_type, parameters }) {
    return client.genericGrantRequest(state.config, grant_type, parameters, { DPoP: state.dpop })
  },

  async introspect({ token, parameters }) {
    return client.tokenIntrospection(state.config, token, parameters)
  },

  async revoke({ token, parameters }) {
    await client.tokenRevocation(state.config, token, parameters)
    return {}
  },

  async device({ parameters }) {
    state.device = await client.initiateDeviceAuthorization(state.config, parameters)
    return state.device
  },

  async poll_device() {
    return client.pollDeviceAuthorizationGrant(state.config, state.device, undefined, { DPoP: state.dpop })
  },

  async end_session({ parameters }) {
    return { url: client.buildEndSessionUrl(state.config, parameters).href }
  },

  async resource({ token, url, method = 'GET' }) {
    const answer = await client.fetchProtectedResource(
      state.config, token, new URL(url), method, undefined, undefined, { DPoP: state.dpop })
    return { status: answer.status, body: await answer.text() }
  },

  // Everything that the library sent and was answered since the last call.
  async heard() {
    return state.answers.splice(0)
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const { do: command, ...rest } = JSON.parse(line)
  let told
  try {
    told = { done: await commands[command](rest) }
  } catch (fault) {
    // With a challenge in the answer the library leaves its body to whoever asks.
    const body = fault.response?.bodyUsed === false ? await fault.response.json().catch(() => ({})) : {}
    told = {
      failed: {
        name: fault.name, code: fault.code, message: fault.message, status: fault.status,
        error: fault.error ?? fault.cause?.error ?? body.error,
        description: fault.error_description ?? body.error_description,
        cause: fault.cause instanceof Error ? fault.cause.message : undefined,
      },
    }
  }
  process.stdout.write(`${JSON.stringify(told)}\n`)
}
