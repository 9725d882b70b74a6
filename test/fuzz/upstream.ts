import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { Random } from '../../src/simulator/random.ts';
import { deepDocument, operationText } from './documentGrammar.ts';
import { Draws } from './draws.ts';
import type { Distortion, UpstreamResponse } from './simulatorProxy.ts';
import type { Fault } from './oracle.ts';
import { faultsOfResponse } from './oracle.ts';
import type { EntryPoint, Facts, Session } from './session.ts';
import { send } from './session.ts';
import { compact, mutateJson, nest, oddValue, times } from './values.ts';

interface UpstreamCase {
  readonly query: string;
  readonly variables: string;
  /** The draws of the distortion of upstream responses. */
  readonly distortion: readonly number[];
}

type Written = UpstreamResponse & { readonly key: string };

const statuses = [
  ...[200, 201, 204, 206, 299, 301, 302, 304, 400, 401, 403, 404, 405, 408, 409, 410, 413],
  ...[418, 422, 429, 451, 500, 502, 503, 504, 599],
];

const headerSets: readonly Readonly<Record<string, string>>[] = [
  { 'content-type': 'text/html' },
  { 'content-type': 'application/json; charset=utf-16' },
  { 'content-encoding': 'gzip' },
  { 'content-encoding': 'br' },
  { 'content-encoding': 'unknown' },
  { 'retry-after': '999999' },
  { 'retry-after': '-1' },
  { 'retry-after': '1e9' },
  { 'retry-after': 'Wed, 21 Oct 9999 07:28:00 GMT' },
  { 'retry-after': 'Soon, whenever' },
  { location: 'http://127.0.0.1:1/elsewhere' },
  { 'set-cookie': 'x'.repeat(2_000) },
  { date: 'never' },
];

const write = (response: ServerResponse, { status, headers, body }: UpstreamResponse) => {
  response.writeHead(status, headers);
  response.end(status === 204 || status === 304 ? undefined : body);
};

/** HelpCrunch may repeat parts of the request in its error messages. */
const echoes = (key: string): readonly string[] => [
  `unknown key ${key}`,
  `unknown key ${Buffer.from(key).toString('base64')}`,
  `unknown key ${encodeURIComponent(key)}`,
  `unknown key ${Buffer.from(`Bearer ${key}`).toString('base64')}`,
];

const distortions: readonly (readonly [
  (random: Random, from: Written, response: ServerResponse) => void,
  number,
])[] = [
  [(_random, from, response) => write(response, from), 1],
  [
    (random, from, response) => write(response, { ...from, body: mutateJson(random, from.body) }),
    12,
  ],
  // A value somewhere in the response becomes very deep, very wide or very long.
  [
    (random, from, response) => {
      const value = random.pick([
        () => nest('[', ']', 10 ** random.integer(2, 5)),
        () => nest('{"a":', '}', 10 ** random.integer(2, 5)),
        () => `[${'{},'.repeat(10 ** random.integer(2, 5))}{}]`,
        () => `{${times(10 ** random.integer(2, 4), (index) => `"k${index}":${index},`)}"k":1}`,
        () => `"${'x'.repeat(10 ** random.integer(3, 6))}"`,
        () => '9'.repeat(10 ** random.integer(2, 5)),
      ])();
      const fields = [...from.body.matchAll(/"\w+":("[^"]*"|\d+|null|\{\}|\[\])/g)];
      const field = fields.length === 0 ? undefined : random.pick(fields);
      const body =
        field === undefined
          ? value
          : `${from.body.slice(0, field.index)}${field[0].slice(0, field[0].indexOf(':'))}:${value}${from.body.slice(field.index + field[0].length)}`;
      write(response, { ...from, body });
    },
    6,
  ],
  [
    (random, from, response) =>
      write(response, {
        status: random.pick(statuses),
        headers: { ...from.headers, ...random.pick(headerSets) },
        body: random.pick([
          from.body,
          '',
          '<html></html>',
          '{"errors":[{"code":"x","message":"y"}]}',
          '{"errors":{}}',
          '{"errors":[null,[],{"code":{},"message":[]}]}',
          '"string"',
          JSON.stringify({ errors: oddValue(random) }),
        ]),
      }),
    4,
  ],
  [
    (random, { key, headers }, response) =>
      write(response, {
        status: random.pick([400, 401, 403, 404, 409, 422, 429]),
        headers,
        body: JSON.stringify({
          errors: [{ code: random.pick(['x', key]), message: random.pick(echoes(key)) }],
        }),
      }),
    1,
  ],
  [
    (random, from, response) =>
      write(response, {
        ...from,
        headers: { ...from.headers, ...random.pick(headerSets) },
      }),
    3,
  ],
  // Encodings that are cut or not what they are said to be.
  [
    (random, from, response) => {
      const packed = gzipSync(from.body);
      response.writeHead(200, { ...from.headers, 'content-encoding': 'gzip' });
      response.end(packed.subarray(0, random.integer(0, packed.length)));
    },
    1,
  ],
  [
    (random, from, response) => {
      response.writeHead(200, from.headers);
      const half = Buffer.from(from.body);
      response.write(half.subarray(0, random.integer(0, half.length)));
      response.end(Buffer.from([0xff, 0xfe, 0xc3, 0x28]));
    },
    1,
  ],
  // Bodies that are cut, slow, too long, or never come.
  [
    (random, from, response) => {
      response.writeHead(200, { ...from.headers, 'content-length': String(from.body.length + 10) });
      response.write(from.body.slice(0, random.integer(0, from.body.length)));
      setTimeout(() => response.destroy(), 5);
    },
    1,
  ],
  [
    (_random, from, response) => {
      response.writeHead(200, from.headers);
      let at = 0;
      const timer = setInterval(() => {
        response.write(from.body.slice(at, at + 1) || ' ');
        at += 1;
      }, 20);
      response.on('close', () => clearInterval(timer));
      response.on('error', () => clearInterval(timer));
    },
    0.3,
  ],
  [(_random, _from, response) => void setTimeout(() => response.destroy(), 1_000), 0.2],
  [(_random, _from, response) => void response.destroy(), 0.7],
  [(_random, from, response) => write(response, { ...from, body: `[${'1,'.repeat(2e6)}1]` }), 0.3],
  [
    (random, _from, response) => {
      const { socket } = response;
      socket?.end(
        random.pick([
          'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
          'HTTP/1.1 999 X\r\ncontent-length: 2\r\n\r\n{}',
          'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}',
          `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(3_000)}\r\n{}`,
          'not http',
          'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
          'HTTP/1.1 100 Continue\r\n\r\n',
        ]),
      );
    },
    0.7,
  ],
];

/** What the gateway was sent for a case, for its description. */
const sent = new WeakMap<UpstreamCase, string[]>();

const shortened = (value: unknown): string =>
  compact(
    Buffer.isBuffer(value) ? value.toString('latin1') : typeof value === 'string' ? value : '',
    600,
  );

/** Keeps what is written to the response. */
function record(response: ServerResponse, lines: string[]): void {
  const { writeHead, end } = response;
  response.writeHead = (...given: any[]) => {
    lines.push(`${given[0]} ${JSON.stringify(given[1])}`);
    return (writeHead as any).apply(response, given);
  };
  response.end = (...given: any[]) => {
    lines.push(shortened(given[0]));
    return (end as any).apply(response, given);
  };
}

/** Replays the same draws for each call of an operation. */
const distortionOf =
  (input: UpstreamCase): Distortion =>
  (from, response) => {
    const lines = sent.get(input) ?? [];
    sent.set(input, lines);
    if (lines.length < 4) record(response, lines);
    const random = new Draws(input.distortion);
    random.weighted(distortions)(random, from, response);
  };

const generate = (random: Random, facts: Facts): UpstreamCase => ({
  query: random.isLucky(0.5) ? operationText(random) : deepDocument(random, facts),
  variables: JSON.stringify({
    id: random.pick(facts.ids['chat'] ?? ['1']),
    ids: [],
    r: [{ __typename: 'Customer', id: random.pick(facts.customers).id }],
    by: 'AGENT',
    read: random.isLucky(0.5),
  }),
  distortion: Array.from({ length: 60 }, () => random.next()),
});

async function ask(input: UpstreamCase, session: Session, isFresh: boolean) {
  const response = await send(session.target.url, {
    method: 'POST',
    path: '/graphql',
    headers: {
      ...(await session.authorization({ role: 'agent' })),
      'content-type': 'application/json',
      ...(isFresh ? { 'cache-control': 'no-cache' } : {}),
    },
    body: JSON.stringify({ query: input.query, variables: JSON.parse(input.variables) }),
  });
  if (response === undefined) return [];
  return [...faultsOfResponse(response), ...session.secrets.faultsOf(response.body, 'a response')];
}

/** Responses of HelpCrunch that are wrong, odd, slow or cut; the second read may come from the cache. */
export const upstream: EntryPoint<UpstreamCase> = {
  name: 'upstream',
  targets: ['production', 'forward'],
  batchSize: 4,
  generate,
  describe: (input) =>
    [`${compact(input.query, 600)} with ${input.variables}`, ...(sent.get(input) ?? [])].join(
      '\n    HelpCrunch: ',
    ),
  async run(cases, session) {
    const faults: Fault[] = [];
    // One after the other: a response must be distorted for its own case only.
    for (const input of cases) {
      session.helpCrunch.distort(distortionOf(input));
      faults.push(...(await ask(input, session, true)));
      session.helpCrunch.distort();
      faults.push(...(await ask(input, session, false)));
    }
    return faults;
  },
};
