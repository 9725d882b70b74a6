import { createHmac } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { startRecordingUpstream, wireChat } from '../../support/recordingUpstream.ts';
import { startTestGateway } from '../../support/gateway.ts';
import type { GraphQLResponse } from '../../support/gateway.ts';
import { bearer, jwtAuth, secret, startIssuer, token } from '../../support/issuer.ts';
import { createManualClock } from '../../support/manualClock.ts';

const whoAmI = '{ viewer { role } }';

const agent = { role: 'agent', agentId: '12' };

const roleOf = ({ data }: GraphQLResponse): unknown => data.viewer.role;

/** What a client learns that is not let in. */
const refusalOf = ({ status, headers, errors, data }: GraphQLResponse) => ({
  status,
  challenge: headers.get('www-authenticate'),
  codes: errors.map(({ extensions }) => extensions['code']),
  data,
});

const refusedToken = {
  status: 401,
  challenge: 'Bearer realm="helpcrunch", error="invalid_token"',
  codes: ['UNAUTHENTICATED'],
  data: undefined,
};

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Put together by hand, as no library would. */
function handMade(header: object, payload: object, key: string | undefined): string {
  const text = `${encode(header)}.${encode(payload)}`;
  const signature =
    key === undefined ? '' : createHmac('sha256', key).update(text).digest('base64url');
  return `${text}.${signature}`;
}

describe('JWT signed with the shared secret', () => {
  test.each([
    ['an agent', { role: 'agent' }, 'AGENT'],
    ['an agent with an id', { role: 'agent', agentId: 12 }, 'AGENT'],
    ['a customer', { role: 'customer', customerId: '7001' }, 'CUSTOMER'],
    ['a customer with a userId', { role: 'customer', userId: 'u-1' }, 'CUSTOMER'],
  ])('a token authenticates %s', async (_name, claims, role) => {
    await using upstream = await startRecordingUpstream();
    await using gateway = await startTestGateway({ upstream, config: { auth: jwtAuth() } });

    const answer = await gateway.query(whoAmI, {}, await bearer(claims));

    expect(answer.status).toBe(200);
    expect(roleOf(answer)).toBe(role);
    expect(upstream.calls).toEqual([]);
  });

  test('a request without a token gets 401', async () => {
    await using upstream = await startRecordingUpstream();
    await using gateway = await startTestGateway({ upstream, config: { auth: jwtAuth() } });
    const headers = [
      {},
      { authorization: '' },
      { authorization: 'Bearer' },
      { authorization: 'Basic eDp5' },
    ];

    const answers = await Promise.all(headers.map((header) => gateway.query(whoAmI, {}, header)));

    for (const answer of answers) {
      expect(refusalOf(answer)).toEqual({
        ...refusedToken,
        challenge: 'Bearer realm="helpcrunch"',
      });
      expect(answer.errors[0]?.extensions).toEqual({
        code: 'UNAUTHENTICATED',
        retryable: false,
        requestId: answer.headers.get('x-request-id'),
      });
      expect(answer.headers.get('cache-control')).toBe('no-store');
    }
  });

  test('a token with any changed part is rejected', async () => {
    await using upstream = await startRecordingUpstream();
    await using gateway = await startTestGateway({ upstream, config: { auth: jwtAuth() } });
    const payload = { ...agent, exp: 4_102_444_800 };
    const good = await token(agent);
    const [header = '', body = '', signature = ''] = good.split('.');
    const bad = {
      'no token': 'nonsense',
      'signed with another secret': await token(agent, { key: Buffer.from('x'.repeat(32)) }),
      'signed with another algorithm': await token(agent, {
        alg: 'HS512',
        key: Buffer.from(secret.padEnd(64)),
      }),
      'not signed': handMade({ alg: 'none' }, payload, undefined),
      'not signed, in capitals': handMade({ alg: 'NONE' }, payload, undefined),
      'signed with nothing': handMade({ alg: 'HS256' }, payload, ''),
      'without a signature': `${header}.${body}.`,
      'with the claims of another': `${header}.${encode({ ...payload, agentId: '13' })}.${signature}`,
      'with the header of another': `${encode({ alg: 'none' })}.${body}.${signature}`,
      'with a header that must be understood': handMade(
        { alg: 'HS256', crit: ['b64'], b64: false },
        payload,
        secret,
      ),
      'with claims that are no object': handMade({ alg: 'HS256' }, [payload], secret),
      encrypted: `${header}.${body}.${signature}.a.b`,
    };

    for (const [name, word] of Object.entries(bad)) {
      const answer = await gateway.query(whoAmI, {}, { authorization: `Bearer ${word}` });

      expect({ name, ...refusalOf(answer) }).toEqual({ name, ...refusedToken });
      expect(JSON.stringify(answer)).not.toContain(word);
    }
    expect(gateway.logged.join('')).not.toContain(signature);
  });

  test.each([
    ['no role', {}],
    ['an unknown role', { role: 'admin' }],
    ['several roles', { role: ['agent'] }],
    ['a customer without an id', { role: 'customer' }],
    ['an agentId alone', { role: 'customer', agentId: '12' }],
    ['an invalid id', { role: 'customer', customerId: '7001 OR 1' }],
    ['an id of zero', { role: 'customer', customerId: 0 }],
    ['an empty userId', { role: 'customer', userId: '' }],
    ['a userId that is not a string', { role: 'customer', userId: 5 }],
    ['an agentId that is none', { role: 'agent', agentId: 'x' }],
  ])('a token with %s is rejected', async (_name, claims) => {
    await using upstream = await startRecordingUpstream();
    await using gateway = await startTestGateway({ upstream, config: { auth: jwtAuth() } });

    const answer = await gateway.query(whoAmI, {}, await bearer(claims));

    expect(refusalOf(answer)).toEqual(refusedToken);
  });

  test('a token is valid from its nbf to its exp, with five seconds of leeway', async () => {
    await using upstream = await startRecordingUpstream();
    const clock = createManualClock();
    await using gateway = await startTestGateway({ upstream, clock, config: { auth: jwtAuth() } });
    const now = clock.now() / 1000;
    const statusOf = async (claims: object) =>
      (await gateway.query(whoAmI, {}, await bearer({ ...agent, ...claims }))).status;

    expect(await statusOf({ exp: now - 4 })).toBe(200);
    expect(await statusOf({ exp: now - 5 })).toBe(401);
    expect(await statusOf({ nbf: now + 5 })).toBe(200);
    expect(await statusOf({ nbf: now + 6 })).toBe(401);
    expect(await statusOf({ exp: undefined })).toBe(401);
    expect(await statusOf({ exp: 'tomorrow' })).toBe(401);
  });

  test('a token must have the configured issuer and audience', async () => {
    await using upstream = await startRecordingUpstream();
    await using gateway = await startTestGateway({
      upstream,
      config: { auth: jwtAuth({ issuer: 'https://login.example/', audience: 'helpdesk' }) },
    });
    const statusOf = async (claims: object) =>
      (await gateway.query(whoAmI, {}, await bearer({ ...agent, ...claims }))).status;
    const iss = 'https://login.example/';

    expect(await statusOf({ iss, aud: 'helpdesk' })).toBe(200);
    expect(await statusOf({ iss, aud: ['shop', 'helpdesk'] })).toBe(200);
    expect(await statusOf({ iss, aud: 'shop' })).toBe(401);
    expect(await statusOf({ iss })).toBe(401);
    expect(await statusOf({ iss: 'https://login.example', aud: 'helpdesk' })).toBe(401);
    expect(await statusOf({ aud: 'helpdesk' })).toBe(401);
  });

  test('claims are read by their configured names', async () => {
    await using upstream = await startRecordingUpstream();
    await using gateway = await startTestGateway({
      upstream,
      config: {
        auth: jwtAuth({
          claimNames: {
            role: 'https://example.com/helpdesk.role',
            agentId: 'https://example.com/helpdesk.agent.id',
            customerId: 'helpdesk.customer',
            userId: 'sub',
            account: 'account',
          },
        }),
      },
    });
    const asked = async (claims: object) =>
      gateway.query(whoAmI, {}, await bearer({ exp: 4_102_444_800, ...claims }));

    const whole = await asked({ 'https://example.com/helpdesk.role': 'agent' });
    const nested = await asked({
      'https://example.com/helpdesk': { role: 'agent', agent: { id: 3 } },
    });
    const bySubject = await asked({ 'https://example.com/helpdesk.role': 'customer', sub: 'u-1' });
    const inherited = await asked({
      'https://example.com/helpdesk': { __proto__: 1 },
      role: 'agent',
    });

    expect(roleOf(whole)).toBe('AGENT');
    expect(roleOf(nested)).toBe('AGENT');
    expect(roleOf(bySubject)).toBe('CUSTOMER');
    expect(inherited.status).toBe(401);
  });
});

describe('JWT signed with a key of a JWKS', () => {
  async function startWithIssuer() {
    const upstream = await startRecordingUpstream();
    const issuer = await startIssuer();
    const clock = createManualClock();
    const start = () =>
      startTestGateway({
        upstream,
        clock,
        config: { auth: jwtAuth({ signedBy: { jwksUrl: issuer.url } }) },
      });
    return {
      issuer,
      clock,
      start,
      async [Symbol.asyncDispose]() {
        await issuer[Symbol.asyncDispose]();
        await upstream[Symbol.asyncDispose]();
      },
    };
  }

  test.each(['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'])(
    'a token signed with %s is accepted',
    async (alg) => {
      await using scene = await startWithIssuer();
      const key = await scene.issuer.addKey('one', alg);
      await using gateway = await scene.start();

      const answer = await gateway.query(whoAmI, {}, await bearer(agent, key));

      expect(roleOf(answer)).toBe('AGENT');
    },
  );

  test('a gateway is not ready until the JWKS was loaded once, and stays ready when it becomes unavailable', async () => {
    await using scene = await startWithIssuer();
    const { issuer, clock } = scene;
    await issuer.addKey('one');
    issuer.breakDown();
    await using gateway = await scene.start();
    const readiness = async () => (await fetch(`${gateway.url}/readyz`)).status;
    const up = async () =>
      /^helpcrunch_jwks_up (\d)$/m.exec(await (await fetch(`${gateway.url}/metrics`)).text())?.[1];

    const before = await fetch(`${gateway.url}/readyz`);
    expect(await before.json()).toEqual({ status: 'starting' });
    expect([before.status, await up()]).toEqual([503, '0']);

    issuer.breakDown(false);
    do clock.advance(1_000);
    while ((await readiness()) !== 200);
    expect(await up()).toBe('1');
    expect(gateway.logged.join('')).toContain('JWKS cannot be loaded, tokens are rejected');

    issuer.breakDown();
    clock.advance(600_000);
    await gateway.query(whoAmI, {}, await bearer(agent, await issuer.addKey('two')));
    expect([await readiness(), await up()]).toEqual([200, '0']);
  });

  test('the JWKS is loaded once for many tokens', async () => {
    await using scene = await startWithIssuer();
    const key = await scene.issuer.addKey('one');
    await using gateway = await scene.start();
    const headers = await bearer(agent, key);

    await Promise.all(Array.from({ length: 20 }, () => gateway.query(whoAmI, {}, headers)));

    expect(scene.issuer.reads()).toBe(1);
  });

  test('a token signed with a public key as HMAC secret or with an unknown key is rejected', async () => {
    await using scene = await startWithIssuer();
    const { issuer } = scene;
    const key = await issuer.addKey('one', 'RS256');
    await issuer.addKey('two', 'RS256');
    await using gateway = await scene.start();
    const payload = { ...agent, exp: 4_102_444_800 };
    await using otherIssuer = await startIssuer();
    const unknownKey = await otherIssuer.addKey('one', 'RS256');
    const bad = [
      handMade({ alg: 'HS256', kid: 'one' }, payload, JSON.stringify(key.jwk)),
      handMade({ alg: 'HS256', kid: 'one' }, payload, key.jwk.n ?? ''),
      handMade({ alg: 'none', kid: 'one' }, payload, undefined),
      await token(agent, unknownKey),
      await token(agent, { ...key, kid: 'two' }),
      // A token must name its key if the JWKS has several.
      await token(agent, { alg: key.alg, key: key.key }),
      await token(agent),
    ];

    for (const word of bad) {
      const answer = await gateway.query(whoAmI, {}, { authorization: `Bearer ${word}` });

      expect(refusalOf(answer)).toEqual(refusedToken);
    }
  });

  test('a token signed with a key that was added later is accepted', async () => {
    await using scene = await startWithIssuer();
    const old = await scene.issuer.addKey('old');
    await using gateway = await scene.start();
    await gateway.query(whoAmI, {}, await bearer(agent, old));

    const added = await scene.issuer.addKey('new');
    const answer = await gateway.query(whoAmI, {}, await bearer(agent, added));

    expect(roleOf(answer)).toBe('AGENT');
    expect(scene.issuer.reads()).toBe(2);
  });

  test('unknown keys reload the JWKS at most once in 30 seconds', async () => {
    await using scene = await startWithIssuer();
    const { issuer, clock } = scene;
    const key = await issuer.addKey('one');
    await using gateway = await scene.start();
    const flood = async () => {
      const headers = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          bearer(agent, { ...key, kid: `unknown ${index}` }),
        ),
      );
      const answers = await Promise.all(headers.map((header) => gateway.query(whoAmI, {}, header)));
      return new Set(answers.map(({ status }) => status));
    };

    expect(await flood()).toEqual(new Set([401]));
    expect(await flood()).toEqual(new Set([401]));
    expect(issuer.reads()).toBe(2);

    issuer.breakDown();
    clock.advance(29_999);
    await flood();
    expect(issuer.reads()).toBe(2);
    clock.advance(1);
    await flood();
    await flood();
    expect(issuer.reads()).toBe(3);
    expect((await gateway.query(whoAmI, {}, await bearer(agent, key))).status).toBe(200);
  });

  test('a token is accepted while the JWKS cannot be reloaded', async () => {
    await using scene = await startWithIssuer();
    const { issuer, clock } = scene;
    const key = await issuer.addKey('one');
    await using gateway = await scene.start();
    const headers = await bearer(agent, key);
    const statusOf = async () => (await gateway.query(whoAmI, {}, headers)).status;
    await statusOf();

    issuer.breakDown();
    for (let hours = 0; hours < 3; hours += 1) {
      clock.advance(3_600_000);

      expect(await statusOf()).toBe(200);
    }
    const lines = gateway.logged.filter((line) => line.includes('JWKS refresh failed'));
    expect(lines).toHaveLength(1);
    expect(lines.join()).not.toContain(issuer.url);
  });

  test('a token is rejected soon after its key was removed from the JWKS', async () => {
    await using scene = await startWithIssuer();
    const { issuer, clock } = scene;
    const key = await issuer.addKey('leaked');
    await issuer.addKey('other');
    await using gateway = await scene.start();
    const headers = await bearer(agent, key);
    await gateway.query(whoAmI, {}, headers);

    issuer.withdraw('leaked');
    clock.advance(600_000);
    // The first to ask after that time has the keys read, and does not wait for it.
    while (issuer.reads() < 2) await gateway.query(whoAmI, {}, headers);
    let { status } = await gateway.query(whoAmI, {}, headers);
    for (let tries = 0; status === 200 && tries < 50; tries += 1) {
      ({ status } = await gateway.query(whoAmI, {}, headers));
    }

    expect(status).toBe(401);
  });

  test('a token gets 503 until the JWKS was loaded once', async () => {
    await using scene = await startWithIssuer();
    const { issuer, clock } = scene;
    const key = await issuer.addKey('one');
    issuer.breakDown();
    await using gateway = await scene.start();
    const headers = await bearer(agent, key);

    const early = await gateway.query(whoAmI, {}, headers);
    issuer.breakDown(false);
    clock.advance(1_000);
    const late = await gateway.query(whoAmI, {}, headers);

    expect(early.status).toBe(503);
    expect(early.errors[0]?.extensions).toMatchObject({
      code: 'UPSTREAM_UNAVAILABLE',
      retryable: true,
    });
    expect(roleOf(late)).toBe('AGENT');
  });
});

describe('forwarded API keys', () => {
  const chat = '{ chat(id: 5208) { status } }';
  const withKey = (key: string) => ({ authorization: `Bearer ${key}` });
  const cacheTtlsMs = { chats: 60_000, customers: 60_000, account: 60_000, absent: 60_000 };

  /** An upstream with two accounts. */
  async function startAccounts() {
    const helpCrunch = await startRecordingUpstream();
    const statuses: Readonly<Record<string, string>> = { one: 'new', two: 'closed' };
    helpCrunch.respond('*', ({ headers }) => {
      const key = headers.authorization?.replace('Bearer ', '') ?? '';
      if (key === 'three') {
        return { status: 403, body: { errors: [{ code: 'forbidden', message: 'no' }] } };
      }
      const status = statuses[key];
      return status === undefined
        ? { status: 401, body: { errors: [{ code: 'unauthorized', message: 'Unauthorized' }] } }
        : { body: wireChat({ status }) };
    });
    return helpCrunch;
  }

  test('an API key is forwarded, and data read with one key is never returned for another', async () => {
    await using upstream = await startAccounts();
    await using gateway = await startTestGateway({
      upstream,
      config: { auth: { mode: 'forward' }, cacheTtlsMs },
    });

    const answers = await Promise.all(
      ['one', 'two', 'one', 'two'].map((key) => gateway.query(chat, {}, withKey(key))),
    );
    const again = await gateway.query(chat, {}, withKey('two'));

    expect(answers.map(({ data }) => data.chat.status)).toEqual(['NEW', 'CLOSED', 'NEW', 'CLOSED']);
    expect(again.data.chat.status).toBe('CLOSED');
    expect(upstream.calls).toHaveLength(2);
    expect(new Set(upstream.calls.map(({ headers }) => headers.authorization))).toEqual(
      new Set(['Bearer one', 'Bearer two']),
    );
  });

  test('each API key that HelpCrunch has accepted has its own rate limit', async () => {
    await using upstream = await startAccounts();
    await using gateway = await startTestGateway({
      upstream,
      config: { auth: { mode: 'forward' }, rateLimit: 5 },
    });
    const remaining = async (key: string) =>
      (await gateway.query('{ rateLimit { remaining } }', {}, withKey(key))).data.rateLimit
        .remaining;

    for (const key of ['one', 'one', 'two']) {
      await gateway.query(chat, {}, { ...withKey(key), 'cache-control': 'no-cache' });
    }

    expect(await remaining('one')).toBe(3);
    expect(await remaining('two')).toBe(4);
  });

  test('an API key that HelpCrunch rejects is an error of the client', async () => {
    await using upstream = await startAccounts();
    await using gateway = await startTestGateway({
      upstream,
      config: { auth: { mode: 'forward' } },
    });

    const unknown = await gateway.query(chat, {}, withKey('stolen'));
    const weak = await gateway.query(chat, {}, withKey('three'));
    const none = await gateway.query(chat);

    expect(refusalOf(unknown)).toMatchObject({ status: 401, codes: ['UNAUTHENTICATED'] });
    expect(unknown.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
    expect(refusalOf(weak)).toMatchObject({ status: 200, codes: ['FORBIDDEN'] });
    expect(refusalOf(none)).toMatchObject({ status: 401, challenge: 'Bearer realm="helpcrunch"' });
    expect(upstream.calls).toHaveLength(2);
    expect(gateway.logged.join('')).not.toContain('upstream call failed');
    expect(JSON.stringify([unknown, weak, gateway.logged])).not.toContain('stolen');
  });

  test('unverified API keys share one quota, divided by client', async () => {
    await using upstream = await startAccounts();
    const clock = createManualClock();
    await using gateway = await startTestGateway({
      upstream,
      clock,
      config: { auth: { mode: 'forward' }, rateLimit: 5, operationTimeoutMs: 5_000 },
    });
    await gateway.query(chat, {}, withKey('one'));
    const codesOf = ({ errors }: GraphQLResponse) =>
      errors.map(({ extensions }) => extensions['code']);

    const flood = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        gateway.query(chat, {}, withKey(`made up ${index}`.replaceAll(' ', '-'))),
      ),
    );
    const known = await gateway.query(chat, {}, withKey('one'));

    // One of the five was the first call of the key that turned out to be one.
    expect(flood.filter((answer) => codesOf(answer)[0] === 'UNAUTHENTICATED')).toHaveLength(4);
    expect(flood.filter((answer) => codesOf(answer)[0] === 'RATE_LIMITED')).toHaveLength(36);
    expect(upstream.calls).toHaveLength(6);
    expect(known.data.chat.status).toBe('NEW');
    expect(known.extensions.upstream['rateLimit']).toEqual({ limit: 5, remaining: 3 });
  });

  test('a rejected API key is not sent upstream again for ten seconds', async () => {
    await using upstream = await startAccounts();
    const clock = createManualClock();
    await using gateway = await startTestGateway({
      upstream,
      clock,
      config: { auth: { mode: 'forward' } },
    });
    const statusOf = async () => (await gateway.query(chat, {}, withKey('stolen'))).status;

    expect([await statusOf(), await statusOf(), await statusOf()]).toEqual([401, 401, 401]);
    expect(upstream.calls).toHaveLength(1);
    clock.advance(10_000);
    await statusOf();
    expect(upstream.calls).toHaveLength(2);
  });

  test('a revoked API key is rejected from then on', async () => {
    await using upstream = await startAccounts();
    await using gateway = await startTestGateway({
      upstream,
      config: { auth: { mode: 'forward' } },
    });
    const before = await gateway.query(chat, {}, withKey('one'));
    upstream.respond('*', { status: 401 });
    const after = await gateway.query(chat, {}, withKey('one'));

    expect([before.status, after.status]).toEqual([200, 401]);
  });

  test('an API key that is rejected for a part of a response leaves the rest as it is', async () => {
    await using upstream = await startAccounts();
    await using gateway = await startTestGateway({
      upstream,
      config: { auth: { mode: 'forward' } },
    });

    const answer = await gateway.query(
      '{ viewer { role } chat(id: 5208) { status } }',
      {},
      withKey('stolen'),
    );

    expect(answer.status).toBe(200);
    expect(answer.data).toEqual({ viewer: { role: 'ALL' }, chat: null });
  });
});
