import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createLog } from '../src/observability/log.ts';
import { createRedactor, createUrlRedactor } from '../src/lib/redaction.ts';
import type { RecordingUpstream } from './support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from './support/recordingUpstream.ts';
import { startTestGateway } from './support/gateway.ts';
import { propertyParameters } from './support/propertyRuns.ts';
import { openSocket } from './support/socket.ts';

/** Keys as HelpCrunch issues them, and as they could be. */
const keys = ['Zk9+/x3Q=', 'aB3/dE+f9=Gh2JkLmN0pQ/rS+tUvWxYz==', 'correct-horse', 'q"w\'e<r&t%41y'];

const percent = (text: string) =>
  [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
const unicode = (text: string) =>
  [...Buffer.from(text)].map((byte) => `\\u00${byte.toString(16).padStart(2, '0')}`).join('');
const base64 = (text: string) => Buffer.from(text).toString('base64');

const encodings: Readonly<Record<string, (key: string) => string>> = {
  plain: (key) => key,
  'in upper case': (key) => key.toUpperCase(),
  'percent-encoded': encodeURIComponent,
  'percent-encoded in lower case': (key) =>
    encodeURIComponent(key).replace(/%../g, (part) => part.toLowerCase()),
  'percent-encoded whole': percent,
  'percent-encoded whole in upper case': (key) => percent(key).toUpperCase(),
  'percent-encoded twice': (key) => encodeURIComponent(encodeURIComponent(key)),
  base64,
  'base64 without padding': (key) => base64(key).replace(/=+$/, ''),
  base64url: (key) => Buffer.from(key).toString('base64url'),
  'base64 of the header': (key) => base64(`Bearer ${key}`),
  'base64 of a pair': (key) => base64(`ab:${key}:cd`),
  'base64, percent-encoded': (key) => encodeURIComponent(base64(key)),
  hexadecimal: (key) => Buffer.from(key).toString('hex'),
  'hexadecimal in upper case': (key) => Buffer.from(key).toString('hex').toUpperCase(),
  'JSON-escaped': (key) => JSON.stringify(key).slice(1, -1),
  'JSON-escaped twice': (key) => JSON.stringify(JSON.stringify(key)).slice(3, -3),
  'JSON-escaped with slashes': (key) => JSON.stringify(key).slice(1, -1).replaceAll('/', '\\/'),
  'JSON-escaped whole': unicode,
  'HTML-escaped': (key) =>
    key
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('"', '&quot;')
      .replaceAll("'", '&#39;')
      .replaceAll('+', '&#x2B;'),
  reversed: (key) => Array.from(key).toReversed().join(''),
};

const cases = keys.flatMap((key) =>
  Object.entries(encodings).map(([encoding, encode]) => ({ encoding, key, echo: encode(key) })),
);

const token = 'a1b2c3d4e5f6g7h8i9j0';
const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYWdlbnQifQ.Xq1Zb2Yc3Xd4We5Vf6Ug7Th8Si9Rj0';

let helpCrunch: RecordingUpstream;

beforeAll(async () => {
  helpCrunch = await startRecordingUpstream();
});

afterAll(() => helpCrunch[Symbol.asyncDispose]());

const query = '{ chat(id: 1) { id } }';

const echoing = (message: string) => {
  helpCrunch.respond('*', { status: 400, body: { errors: [{ code: message, message }] } });
};

describe('redaction of the API key', () => {
  test.each(cases)(
    'the API key in an error message of HelpCrunch is redacted: $encoding, $key',
    async ({ key, echo }) => {
      const { url } = helpCrunch;
      await using gateway = await startTestGateway({
        upstream: { url, key },
        config: { rateLimit: 0 },
      });
      echoing(`The header (${echo}) is wrong.`);

      const { errors } = await gateway.query(query);
      const [{ code, message }] = errors[0]?.extensions['upstream'].errors;

      expect([code, message]).toEqual(Array(2).fill('The header (***) is wrong.'));
      expect(gateway.logged.join('')).not.toContain(echo);
    },
  );

  test.each(['Zk9+/x3Q=ab', 'correct-horse'])(
    'an error message of HelpCrunch is hidden when it contains the separated characters of the API key: %s',
    async (key) => {
      const { url } = helpCrunch;
      await using gateway = await startTestGateway({
        upstream: { url, key },
        config: { rateLimit: 0 },
      });
      const forms = [key, key.toUpperCase(), Buffer.from(key).toString('hex')];
      for (const form of forms) {
        for (const separator of [' ', '-', '.', '\u200b', '\n']) {
          echoing(`The header (${Array.from(form).join(separator)}) is wrong.`);

          const { errors } = await gateway.query(query);
          const [{ code, message }] = errors[0]?.extensions['upstream'].errors;

          expect([form, separator, code, message]).toEqual([form, separator, '***', '***']);
        }
      }
    },
  );

  test('the API key of the client is redacted in an error message of HelpCrunch', async () => {
    await using gateway = await startTestGateway({
      upstream: helpCrunch,
      config: { rateLimit: 0, auth: { mode: 'forward' } },
    });
    for (const { key, echo } of cases) {
      echoing(`The header (${echo}) is wrong.`);

      const { errors } = await gateway.query(query, undefined, { authorization: `Bearer ${key}` });
      const answer = JSON.stringify(errors);

      expect(answer).toContain('The header (***) is wrong.');
    }
  });

  test('the API key is redacted before an error message is truncated', async () => {
    const key = 'correct-horse';
    await using gateway = await startTestGateway({
      upstream: { url: helpCrunch.url, key },
      config: { rateLimit: 0 },
    });
    for (let length = 270; length <= 300; length += 1) {
      echoing(`${'x '.repeat(length / 2)}${key} ${base64(key)}`);

      const { errors } = await gateway.query(query);

      expect(JSON.stringify(errors)).not.toMatch(/corr|Y29y/);
    }
  });

  test('redaction of a megabyte of escapes does not block the process', async () => {
    await using gateway = await startTestGateway({
      upstream: helpCrunch,
      config: { rateLimit: 0 },
    });
    for (const part of [
      '\\',
      '%25',
      '%',
      '&#0',
      'a',
      'a1',
      '@',
      'fake-ke',
      '/',
      'a.',
      'a://',
      '127.0.0.1',
      'x-a:',
    ]) {
      echoing(part.repeat(900_000 / part.length));
      const before = process.cpuUsage();
      await gateway.query(query);
      const { user } = process.cpuUsage(before);

      // A search that is quadratic would take minutes.
      expect({ part, isFast: user < 20_000_000 }).toEqual({ part, isFast: true });
    }
  });
});

describe('redaction of tokens', () => {
  test.each([
    ['20 letters and digits', token, '***'],
    ['base64', 'q83vEjRWeJCrze8SNFZ4kA+/x==', '***'],
    ['a token with hyphens', 'tok-12345-abcde-67890-fghij', '***'],
    ['a token with underscores', 'sk_live_4242424242abcdef', '***'],
    ['a percent-encoded token', 'q83vEjRW%2BJCrze8SNFZ4kA%3D%3D', '***'],
    ['a JWT', jwt, '***'],
    ['a bearer token', 'Bearer abc', 'Bearer ***'],
    ['a URL with a password', 'https://user:pass@example.com', '***'],
  ])('a token in an error message of HelpCrunch is redacted: %s', async (_what, echo, left) => {
    await using gateway = await startTestGateway({
      upstream: helpCrunch,
      config: { rateLimit: 0 },
    });
    echoing(`The value "${echo}" is wrong.`);

    const { errors } = await gateway.query(query);

    expect(errors[0]?.extensions['upstream'].errors[0].message).toBe(
      `The value "${left}" is wrong.`,
    );
  });

  test.each([
    'Chat for ID "5208" was not found',
    'filter[0].field: This value should not be blank.',
    'This value should be of type numeric.',
    'invalid_userId_value',
    'The e-mail taras.shevchenko1814@example.com is taken.',
    'The e-mail very-long-name-with-digits-1814@mail.example.com is taken.',
    'Internationalizationalizations are long words.',
    'Order 123456789012345678901234567890 is unknown.',
    'See /v1/customers/7001/messages for more.',
    'The time 2026-01-15T12:00:00.000Z is in the past.',
    'chat_status_updated_by_agent is no event',
    'Значення "Олена" не підходить',
  ])('an error message of HelpCrunch without a token is unchanged: %s', async (message) => {
    await using gateway = await startTestGateway({
      upstream: helpCrunch,
      config: { rateLimit: 0 },
    });
    echoing(message);

    const { errors } = await gateway.query(query);

    expect(errors[0]?.extensions['upstream'].errors[0]).toEqual({ code: message, message });
  });
});

describe('redaction of addresses and headers', () => {
  const address = () => new URL(helpCrunch.url).host;

  test.each<[string, () => string, string]>([
    ['the URL of the call', () => `${helpCrunch.url}/chats/1?limit=2`, 'No route for ***.'],
    ['another URL', () => 'https://db-7.internal/x?email=ada@example.com', 'No route for ***.'],
    ['a URL escaped for JSON', () => String.raw`http:\/\/db-7.internal\/x`, 'No route for ***.'],
    ['an encoded URL', () => encodeURIComponent('redis://db-7:6379/0'), 'No route for ***.'],
    ['a URL in upper case', () => 'HTTP://DB-7.INTERNAL/X', 'No route for ***.'],
    ['a URL with an IPv6 address', () => 'http://[fd00::7]:80/x', 'No route for ***.'],
    ['a URL in parentheses', () => '(http://db-7.internal/x)', 'No route for (***).'],
    ['the host with the port', () => address(), 'No route for ***.'],
    ['the host without the port', () => '127.0.0.1', 'No route for ***.'],
    ['the host with a path', () => `${address()}/v1/chats`, 'No route for ***.'],
    ['a URL without its scheme', () => `//${address()}/v1/chats`, 'No route for //***.'],
    ['the host in a list', () => `a,${address()},b`, 'No route for a,***,b.'],
    ['the header with the key', () => 'Authorization: Bearer fake-key', 'No route for ***.'],
    ['a header', () => 'X-Forwarded-For: 10.0.0.1', 'No route for ***.'],
    ['a cookie', () => 'cookie=session', 'No route for ***.'],
  ])('%s in an error message of HelpCrunch is redacted', async (_what, echo, expected) => {
    await using gateway = await startTestGateway({
      upstream: helpCrunch,
      config: { rateLimit: 0 },
    });
    echoing(`No route for ${echo()}.`);

    const { errors } = await gateway.query(query);

    expect(errors[0]?.extensions['upstream'].errors[0]).toEqual({
      code: expected,
      message: expected,
    });
    expect(gateway.logged.join('')).not.toMatch(/db-7|127\.0\.0\.1|forwarded/i);
  });

  test.each([
    ['http://[::1]:$port/v1', '[::1]:4080 and ::1', '*** and ***'],
    ['http://LocalHost:$port/v1', 'localhost, LOCALHOST:1', '***, ***'],
    ['http://localhost.:$port/v1', 'localhost. my-localhost', '***. my-localhost'],
  ])('the host of HELPCRUNCH_API_URL is redacted: %s', (url, echo, expected) => {
    const redactRequest = createUrlRedactor(url.replace('$port', '4080'));

    expect(redactRequest(echo)).toBe(expected);
  });

  test('addresses are redacted at each field, in partial results, and over WebSocket', async () => {
    await using gateway = await startTestGateway({
      upstream: helpCrunch,
      config: { rateLimit: 0 },
    });
    echoing(`No route for ${helpCrunch.url}/chats.`);
    helpCrunch.respond('GET /chats/2', { body: wireChat({ id: 2 }) });
    const document = '{ good: chat(id: 2) { id } chat(id: 1) { id } agents { id } }';

    const overHttp = await gateway.query(document);
    await using socket = await openSocket(gateway.url);
    await socket.initialize();
    socket.send({ id: '1', type: 'subscribe', payload: { query: document } });
    const { payload } = await socket.nextMessage();

    for (const { data, errors } of [overHttp, payload]) {
      expect(data).toEqual({ good: { id: '2' }, chat: null, agents: null });
      expect(errors.map((error: any) => error.extensions.upstream.errors[0].message)).toEqual([
        'No route for ***.',
        'No route for ***.',
      ]);
    }
  });

  test('addresses are redacted in the rejected arguments of a mutation, and its e-mail is kept', async () => {
    await using gateway = await startTestGateway({
      upstream: helpCrunch,
      config: { rateLimit: 0 },
    });
    const message = `"ada@example.com" was rejected by ${helpCrunch.url}.`;
    helpCrunch.respond('*', { status: 400, body: { errors: [{ code: 'email', message }] } });

    const { errors } = await gateway.query(
      'mutation { createCustomer(input: { userId: "u-1", email: "ada@example.com" }) { id } }',
    );

    const redacted = '"ada@example.com" was rejected by ***.';
    expect(errors).toMatchObject([
      {
        message: `input.email: ${redacted}`,
        extensions: {
          code: 'BAD_USER_INPUT',
          fields: [{ path: 'input.email', message: redacted }],
          upstream: { errors: [{ code: 'email', message: redacted }] },
        },
      },
    ]);
  });
});

test('redaction does not change text without the secret', () => {
  const redact = createRedactor(['correct-horse']);
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
      expect(redact(text)).toBe(text);
    }),
    propertyParameters(100),
  );
});

describe('redaction of logged errors', () => {
  function logged(error: unknown, secrets: readonly string[] = []) {
    const lines: string[] = [];
    createLog({ write: (line) => lines.push(line) }, 'info', secrets).error('failed', {
      requestId: '0d0e1f20-7141-4412-8bfd-68c6a4c59889',
      error,
    });
    return lines.join('');
  }

  test.each(cases)(
    'a logged error contains no secret of the settings: $encoding, $key',
    ({ key, echo }) => {
      const line = logged(new Error(`The header (${echo}) is wrong.`), [key]);

      expect(JSON.parse(line).error.message).toMatch(/^The header \(\*\*\*/);
      expect(line).not.toContain(JSON.stringify(echo).slice(1, -1));
    },
  );

  test.each(['warn', 'error'] as const)(
    'a log line of level %s contains no secret of the settings in a string field',
    (level) => {
      const lines: string[] = [];
      const log = createLog({ write: (line) => lines.push(line) }, 'info', ['correct-horse']);

      log[level]('failed', { reason: 'It was correct-horse, or correct%2Dhorse.' });

      expect(JSON.parse(lines.join(''))).toMatchObject({
        msg: 'failed',
        reason: 'It was ***, or ***.',
      });
    },
  );

  test.each([token, jwt])('a logged error contains no token: %s', (secret) => {
    const cause = new Error(`Inside: ${secret}`);
    const error = Object.assign(new Error(`Outside: ${secret}`, { cause }), {
      details: { entries: [{ message: secret }] },
    });

    const line = logged(error);

    for (const part of secret.split('.')) expect(line).not.toContain(part);
  });

  test('a logged error keeps the request id, its name and its stack frames', () => {
    const { requestId, error } = JSON.parse(logged(new TypeError(`No ${token}`)));

    expect(requestId).toBe('0d0e1f20-7141-4412-8bfd-68c6a4c59889');
    expect(error).toMatchObject({ type: 'TypeError', message: 'No ***' });
    expect(error.stack).toMatch(/^TypeError: No \*\*\*\n\s+at .*redaction\.test\.ts:\d+/);
  });
});
