import { Readable } from 'node:stream';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { startTestGateway } from '../support/gateway.ts';
import { exchange, head } from '../support/rawHttp.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { signatureOf, webhookSecret } from '../support/webhooks.ts';

const query = '{ chat(id: 5208) { id } }';
const operation = JSON.stringify({ query });
const maxBodyBytes = 65_536;

let upstream: RecordingUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

beforeAll(async () => {
  upstream = await startRecordingUpstream();
  upstream.respond('GET /chats/5208', { body: wireChat() });
  gateway = await startTestGateway({ upstream, config: { webhookSecret, maxBodyBytes } });
});

afterEach(() => upstream.clearCalls());

afterAll(async () => {
  await gateway.stop();
  await upstream[Symbol.asyncDispose]();
});

type Headers = Readonly<Record<string, string>>;

const post = (body: Uint8Array<ArrayBuffer> | string, headers: Headers = {}, path = '/graphql') =>
  fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });

async function expectError(response: Response, status: number, message: string) {
  const { errors }: any = await response.json();
  expect(response.status).toBe(status);
  expect(errors).toMatchObject([{ message, extensions: { code: 'BAD_REQUEST' } }]);
  expect(upstream.calls).toEqual([]);
}

const asBytes = (bytes: Buffer): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);

const compressors = {
  gzip: gzipSync,
  'x-gzip': gzipSync,
  br: brotliCompressSync,
  deflate: deflateSync,
};
const codings = Object.entries(compressors).map(([coding, compress]) => ({ coding, compress }));

const decoders: ReadonlySet<string> = new Set(['Gunzip', 'BrotliDecompress', 'Inflate']);

/** Counts the bytes that the decoders of this process produce. */
function countDecodedBytes() {
  const { push } = Readable.prototype;
  let bytes = 0;
  const spy = jest.spyOn(Readable.prototype, 'push').mockImplementation(function count(
    this: Readable,
    chunk: unknown,
    encoding,
  ) {
    if (decoders.has(this.constructor.name) && Buffer.isBuffer(chunk)) bytes += chunk.length;
    return push.call(this, chunk, encoding);
  });
  return {
    bytes: () => bytes,
    [Symbol.dispose]: () => spy.mockRestore(),
  };
}

/** Of Node's decoders. */
const chunkBytes = 16_384;

describe('a compressed request body', () => {
  test.each(codings)('of $coding is decompressed', async ({ coding, compress }) => {
    const body = asBytes(compress(operation));
    const responses = await Promise.all([
      post(body, { 'content-encoding': coding }),
      post(body, { 'content-encoding': ` ${coding.toUpperCase()} ` }),
    ]);

    for (const response of responses) {
      expect(await response.json()).toMatchObject({ data: { chat: { id: '5208' } } });
    }
  });

  test('is decompressed for event streams', async () => {
    const headers = { 'content-encoding': 'gzip', accept: 'text/event-stream' };
    const response = await post(asBytes(gzipSync(operation)), headers, '/graphql/stream');

    expect(await response.text()).toContain('"chat":{"id":"5208"}');
  });

  test('of a router with its secret is decompressed', async () => {
    const routerSecret = 'a secret of the router, 32 bytes long';
    await using routed = await startTestGateway({ upstream, config: { routerSecret } });
    const response = await fetch(`${routed.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'content-encoding': 'gzip',
        'accept-encoding': 'gzip',
        'x-router-secret': routerSecret,
      },
      body: asBytes(gzipSync(operation)),
    });

    expect(await response.json()).toMatchObject({ data: { chat: { id: '5208' } } });
  });

  test('that is chunked is decompressed', async () => {
    const body = gzipSync(operation).toString('latin1');
    const lines = ['Content-Type: application/json', 'Transfer-Encoding: chunked'];
    const fields = ['Host: localhost', 'Connection: close', 'Content-Encoding: gzip', ...lines];
    const chunk = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    const [response] = await exchange(
      gateway.url,
      head('POST /graphql HTTP/1.1', ...fields) + chunk,
    );

    expect(response?.body).toContain('"chat":{"id":"5208"}');
  });

  test.each(codings)('of $coding may be as large as the limit', async ({ coding, compress }) => {
    const padding = maxBodyBytes - operation.length;
    const [fits, exceeds] = await Promise.all(
      [padding, padding + 1].map((length) =>
        post(asBytes(compress(operation + ' '.repeat(length))), { 'content-encoding': coding }),
      ),
    );

    expect(fits?.status).toBe(200);
    expect(exceeds?.status).toBe(413);
  });

  test.each(codings)('of $coding is not decompressed beyond it', async ({ coding, compress }) => {
    const bomb = asBytes(compress(Buffer.alloc(60_000_000, ' ')));
    using decoded = countDecodedBytes();
    const response = await post(bomb, { 'content-encoding': coding });

    expect(bomb.length).toBeLessThan(maxBodyBytes);
    await expectError(response, 413, 'The decompressed request body is too large.');
    expect(decoded.bytes()).toBeGreaterThan(0);
    expect(decoded.bytes()).toBeLessThanOrEqual(maxBodyBytes + chunkBytes);
  });

  test.each(codings)('that is not valid $coding is rejected', async ({ coding, compress }) => {
    const valid = compress(operation);
    const bodies = [Buffer.from(operation), valid.subarray(0, -3), Buffer.from('x')];
    for (const body of bodies) {
      const response = await post(asBytes(body), { 'content-encoding': coding });
      await expectError(response, 400, `The request body is not valid ${coding}.`);
    }
  });

  test.each(['zstd', 'compress', 'gzip, br', 'gzip,gzip', 'identity, gzip', 'gzip;q=1', '*'])(
    'with the encoding %s is rejected with the supported ones',
    async (coding) => {
      const response = await post(operation, { 'content-encoding': coding });

      expect(response.headers.get('accept-encoding')).toBe('gzip, br, deflate');
      await expectError(
        response,
        415,
        'Send the request body with one Content-Encoding of gzip, br and deflate.',
      );
    },
  );

  test.each(['identity', 'Identity', ''])('may have the encoding "%s"', async (coding) => {
    expect((await post(operation, { 'content-encoding': coding })).status).toBe(200);
  });

  test('of a webhook is rejected, because the signature covers the bytes as sent', async () => {
    const body = gzipSync('{}');
    const headers = {
      'content-encoding': 'gzip',
      'x-helpcrunch-signature': signatureOf(body.toString()),
    };
    const response = await post(asBytes(body), headers, '/webhooks/helpcrunch');

    expect(response.headers.get('accept-encoding')).toBe('identity');
    await expectError(response, 415, 'Send the body without Content-Encoding.');
  });
});

describe('the charset', () => {
  test.each(['utf-8', 'UTF-8', '"utf-8"', 'utf8'])('%s is accepted', async (charset) => {
    const response = await post(operation, {
      'content-type': `application/json; charset=${charset}`,
    });

    expect(response.status).toBe(200);
  });

  test.each(['iso-8859-1', 'utf-16le', 'nonsense', '"us-ascii"', '""'])(
    '%s is rejected on every GraphQL endpoint',
    async (charset) => {
      const headers = { 'content-type': `application/json;charset=${charset}` };
      const stream = { ...headers, accept: 'text/event-stream' };

      await expectError(await post(operation, headers), 415, 'Send the request body in UTF-8.');
      const response = await post(operation, stream, '/graphql/stream');
      await expectError(response, 415, 'Send the request body in UTF-8.');
    },
  );
});

describe('bytes that are not UTF-8', () => {
  const latin1 = Buffer.from(
    '{"query":"{ customers(filter: {name: {contains: \\"Zo\xeb\\"}})"}',
    'latin1',
  );

  test.each([
    ['a Latin-1 letter', latin1],
    ['an overlong slash', Buffer.from('{"query":"\xc0\xaf"}', 'latin1')],
    ['a surrogate', Buffer.from('{"query":"\xed\xa0\x80"}', 'latin1')],
    ['a truncated character', Buffer.from('{"query":"\xe2\x82"}', 'latin1')],
  ])('are rejected in a POST: %s', async (_what, body) => {
    const message = 'The request body is not valid UTF-8.';

    await expectError(await post(asBytes(body)), 400, message);
    const compressed = await post(asBytes(gzipSync(body)), { 'content-encoding': 'gzip' });
    await expectError(compressed, 400, message);
  });

  test.each(['%EB', '%c0%af', '%ED%A0%80', 'a%E2%82'])(
    'are rejected in a GET: %s',
    async (text) => {
      const message = 'The query string is not valid UTF-8.';
      const search = `query=${encodeURIComponent(query)}&variables=%7B%22n%22%3A%22${text}%22%7D`;
      const headers = { 'apollo-require-preflight': '1', accept: 'text/event-stream, */*' };

      for (const path of ['/graphql', '/graphql/stream']) {
        await expectError(
          await fetch(`${gateway.url}${path}?${search}`, { headers }),
          400,
          message,
        );
      }
    },
  );

  test('are not confused with percent signs and other characters of a GET', async () => {
    const document = 'query ($id: ID!) { chat(id: $id) { id } } # 100% Зоя %zz';
    const search = `query=${encodeURIComponent(document).replace(/%25/g, '%')}`;
    const response = await fetch(`${gateway.url}/graphql?${search}&variables={"id":"5208"}`, {
      headers: { 'apollo-require-preflight': '1' },
    });

    expect(await response.json()).toMatchObject({ data: { chat: { id: '5208' } } });
  });

  test('are rejected in a signed webhook', async () => {
    const body = Buffer.from('{"event":"chat.new","id":"\xeb"}', 'latin1');
    const bytes = asBytes(body);
    const { createHmac } = await import('node:crypto');
    const signature = createHmac('sha1', webhookSecret).update(body).digest('hex');
    const response = await post(
      bytes,
      { 'x-helpcrunch-signature': signature },
      '/webhooks/helpcrunch',
    );

    await expectError(response, 400, 'The body is not a HelpCrunch event.');
  });
});

describe('other requests', () => {
  const host = 'Host: localhost';

  test.each(['foo', '200-ok', ''])(
    'with the expectation "%s" get 417 with an error',
    async (expectation) => {
      const lines = [host, 'Connection: close', `Expect: ${expectation}`, 'Content-Length: 0'];
      const [response] = await exchange(gateway.url, head('POST /graphql HTTP/1.1', ...lines));

      expect(response).toMatchObject({
        status: 417,
        headers: { 'content-type': 'application/json; charset=utf-8' },
      });
      expect(JSON.parse(response?.body ?? '')).toMatchObject({
        errors: [{ extensions: { code: 'BAD_REQUEST' } }],
      });
    },
  );

  test.each([[], ['Origin: http://localhost:3000'], ['Access-Control-Request-Method: POST']])(
    'by OPTIONS that are not preflight requests get 400 with an error: %s',
    async (...lines) => {
      const fields = [host, 'Connection: close', ...lines];
      const [response] = await exchange(gateway.url, head('OPTIONS /graphql HTTP/1.1', ...fields));

      expect(response).toMatchObject({
        status: 400,
        headers: { 'content-type': 'application/json; charset=utf-8' },
      });
      expect(JSON.parse(response?.body ?? '')).toMatchObject({
        errors: [{ extensions: { code: 'BAD_REQUEST' } }],
      });
    },
  );
});
