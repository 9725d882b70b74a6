import type { Random } from '../../src/simulator/random.ts';
import { compact, mutateText, oddKey } from './values.ts';

/** Pieces that URL and header parsers are likely to treat wrongly. */
const pieces = ['/', ':', '@', '[', ']', '%', '%zz', '%00', '?', '#', '\\', ' ', '..', ';', '*'];

const segments = [
  'graphql',
  'graphql',
  'stream',
  'healthz',
  'readyz',
  'metrics',
  'explorer',
  'webhooks',
  'helpcrunch',
  '',
  '.',
  '..',
  '%2e%2e',
  '%67raphql',
  '%',
  '%ff',
  'a'.repeat(2_000),
];

const paths = [
  '/graphql',
  '/graphql/stream',
  '/healthz',
  '/readyz',
  '/metrics',
  '/',
  '/explorer',
  '/webhooks/helpcrunch',
];

const path = (random: Random): string =>
  random.isLucky(0.5)
    ? Array.from({ length: random.integer(1, 4) }, () => `/${random.pick(segments)}`).join('')
    : random.pick(paths);

const hosts = ['127.0.0.1', 'localhost', '[::1]', '[', 'a b', '', 'x'.repeat(300), '1.2.3.4:99999'];

const authority = (random: Random): string =>
  `${random.isLucky(0.2) ? 'user:password@' : ''}${random.pick(hosts)}${random.pick(['', ':80', ':', ':x'])}`;

const search = (random: Random): string =>
  random.isLucky(0.4)
    ? `?${random.pick(['query', 'variables', oddKey(random)])}=${random.pick(['', '%7B__typename%7D', '{__typename}', '%', '&&', '[]'])}`
    : '';

/** The four forms of RFC 9112 §3.2, and errors in each. */
export function requestTarget(random: Random): string {
  const target = random.weighted([
    [() => path(random) + search(random), 6],
    [() => `${random.pick(['http', 'https', 'ws', 'x'])}://${authority(random)}${path(random)}`, 2],
    [() => authority(random), 1],
    [() => '*', 1],
  ])();
  return random.isLucky(0.25) ? mutateText(random, target, pieces) : target;
}

export const method = (random: Random): string =>
  random.weighted([
    ['GET', 6],
    ['POST', 4],
    ['HEAD', 1],
    ['OPTIONS', 1],
    ['PUT', 1],
    ['DELETE', 1],
    ['CONNECT', 1],
    ['PRI', 1],
    ['get', 1],
    ['G\u0000T', 1],
  ]);

type Header = readonly [string, string];

const headers: readonly ((random: Random) => Header)[] = [
  (random) => [
    'Content-Type',
    random.pick([
      'application/json',
      'text/plain',
      'application/json;;',
      'x',
      '*/*',
      'multipart/form-data',
    ]),
  ],
  (random) => ['Content-Length', random.pick(['0', '5', '-1', '1e3', '99999999999', '+5', '5, 5'])],
  (random) => [
    'Transfer-Encoding',
    random.pick(['chunked', 'gzip', 'chunked, gzip', 'x', ' chunked']),
  ],
  (random) => ['Content-Encoding', random.pick(['gzip', 'br', 'deflate', 'x', 'gzip, gzip'])],
  (random) => [
    'Accept',
    random.pick(['*/*', 'text/event-stream', 'multipart/mixed', 'x/y;q=', 'text/html']),
  ],
  (random) => ['Accept-Encoding', random.pick(['gzip', 'br', 'gzip;q=0', '*', ','])],
  (random) => [
    'Authorization',
    random.pick(['Bearer x', 'Bearer', 'Basic eDp4', 'Bearer a.b.c', '']),
  ],
  (random) => [
    'Origin',
    random.pick(['null', 'http://localhost:1', 'https://evil.example', 'x', '']),
  ],
  (random) => ['If-None-Match', random.pick(['*', 'W/"x"', '"', 'x,'.repeat(500)])],
  (random) => ['Expect', random.pick(['100-continue', 'x'])],
  (random) => ['X-Forwarded-For', random.pick(['1.2.3.4', '::1', 'x', ','.repeat(1_000)])],
  (random) => ['X-Request-Id', random.pick(['mine', '', 'x'.repeat(5_000), '\u0000'])],
  (random) => [
    'Traceparent',
    random.pick(['00-x-y-01', `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`]),
  ],
  (random) => ['Cookie', 'a=b; '.repeat(random.pick([1, 100, 5_000]))],
  (random) => [random.pick(['__proto__', 'constructor', 'X-\u0001', 'x y', '']), 'x'],
];

const endOfLine = '\r\n';

export interface RequestParts {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly Header[];
  readonly body: string;
}

/** Headers of any request, of which some are wrong. */
export const someHeaders = (random: Random): readonly Header[] => [
  [
    'Host',
    random.weighted([
      ['127.0.0.1', 10],
      ['', 1],
      ['evil.example', 1],
      ['a, b', 1],
    ]),
  ],
  ...(random.isLucky(0.05) ? [['Host', 'localhost'] as const] : []),
  ...Array.from({ length: random.integer(0, 4) }, () => random.pick(headers)(random)),
];

/** The bytes of a request; sometimes with errors in its lines. */
export function writeRequest(random: Random, parts: RequestParts): Buffer {
  const version = random.weighted([
    ['HTTP/1.1', 20],
    ['HTTP/1.0', 2],
    ['HTTP/9.9', 1],
    ['', 1],
  ]);
  const eol = random.weighted([
    [endOfLine, 30],
    ['\n', 1],
  ]);
  const lines = [
    `${parts.method} ${parts.target} ${version}`,
    ...parts.headers.map(([name, value]) => `${name}: ${value}`),
  ];
  const text = `${lines.join(eol)}${eol}${eol}${parts.body}`;
  return Buffer.from(random.isLucky(0.08) ? mutateText(random, text) : text, 'latin1');
}

/** The bytes of one connection as they may arrive: whole, or in several pieces. */
export function inPieces(random: Random, bytes: Buffer): readonly Buffer[] {
  if (!random.isLucky(0.2)) return [bytes];
  const cut = random.integer(0, bytes.length);
  return [bytes.subarray(0, cut), bytes.subarray(cut)];
}

/** As it may be typed into `printf`. */
export const escaped = (bytes: Buffer): string =>
  JSON.stringify(compact(bytes.toString('latin1'), 800));
