import { request as httpRequest } from 'node:http';
import type { Random } from '../../src/simulator/random.ts';
import { randomOperation, subscriptionDocument } from './documentGrammar.ts';
import type { Fault } from './oracle.ts';
import { faultsOfJson, faultsOfResponse } from './oracle.ts';
import type { EntryPoint, Facts, HttpCase, Session } from './session.ts';
import { eachCase } from './session.ts';
import { compact, mutateJson, oddKey, oddValue } from './values.ts';

interface StreamCase extends HttpCase {
  readonly role: 'agent' | 'customer' | undefined;
  /** Seconds until the token expires. */
  readonly expiresInSeconds: number | undefined;
  /** How the client reads: to the end, not at all, or until it leaves after so many milliseconds. */
  readonly reading: 'all' | 'nothing' | number;
}

function generate(random: Random, facts: Facts): StreamCase {
  const { query, variables } = random.isLucky(0.6)
    ? { query: subscriptionDocument(random, facts), variables: undefined }
    : randomOperation(random, facts);
  const body = `{"query":${JSON.stringify(query)},"variables":${variables ?? 'null'}}`;
  const isGet = random.isLucky(0.3);
  const parameters = new URLSearchParams({
    query,
    ...(variables === undefined ? {} : { variables }),
    ...(random.isLucky(0.3) ? { variables: mutateJson(random, variables ?? '{"a":1}') } : {}),
    ...(random.isLucky(0.2) ? { extensions: mutateJson(random, '{"a":{"b":1}}') } : {}),
    ...(random.isLucky(0.2) ? { [oddKey(random)]: JSON.stringify(oddValue(random)) } : {}),
  });
  const route = random.weighted([
    ['/graphql/stream', 8],
    ['/graphql', 3],
    ['/graphql/stream/', 1],
  ]);
  return {
    method: random.weighted([
      [isGet ? 'GET' : 'POST', 12],
      ['PUT', 1],
      ['DELETE', 1],
    ]),
    path: (isGet ? `${route}?${parameters.toString()}` : route).slice(0, 12_000),
    headers: {
      accept: random.weighted([
        ['text/event-stream', 8],
        ['multipart/mixed;subscriptionSpec=1.0, application/json', 2],
        ['*/*', 1],
        ['text/event-stream;q=0', 1],
      ]),
      ...(isGet ? {} : { 'content-type': 'application/json' }),
      ...(random.isLucky(0.1) ? { 'last-event-id': 'x'.repeat(random.integer(1, 2_000)) } : {}),
    },
    body: isGet ? '' : random.isLucky(0.3) ? mutateJson(random, body) : body,
    role: random.weighted([
      ['agent', 6],
      ['customer', 3],
      [undefined, 1],
    ]),
    expiresInSeconds: random.weighted([
      [undefined, 8],
      [0, 1],
      [1, 1],
    ]),
    reading: random.weighted<StreamCase['reading']>([
      ['all', 3],
      ['nothing', 1],
      [random.integer(0, 60), 3],
    ]),
  };
}

/** A stream does not end by itself. */
const longestMs = 250;

function faultsOfEvents(text: string): Fault[] {
  return text
    .split('\n\n')
    .slice(0, -1)
    .flatMap((block) =>
      block.split('\n').flatMap((line) => {
        if (line === '' || line.startsWith(':') || line.startsWith('id:')) return [];
        if (line.startsWith('event: ')) return [];
        if (!line.startsWith('data: ') && line !== 'data:') return ['an event that is not SSE'];
        const data = line.slice('data: '.length);
        return data === '' ? [] : faultsOfJson(data, 'an event');
      }),
    );
}

async function run(input: StreamCase, session: Session): Promise<readonly Fault[]> {
  const credentials =
    input.role === undefined
      ? {}
      : await session.authorization({ role: input.role, expiresInSeconds: input.expiresInSeconds });
  const startMs = performance.now();
  return new Promise((resolve) => {
    const call = httpRequest(session.target.url + input.path, {
      method: input.method,
      agent: false,
      headers: {
        ...credentials,
        ...input.headers,
        'content-length': Buffer.byteLength(input.body),
      },
    });
    const chunks: Buffer[] = [];
    let status = 0;
    let headers: Readonly<Record<string, string | string[] | undefined>> = {};
    let isDone = false;
    const done = () => {
      if (isDone) return;
      isDone = true;
      clearTimeout(timer);
      call.destroy();
      const text = Buffer.concat(chunks).toString();
      const isStream = String(headers['content-type']).startsWith('text/event-stream');
      const elapsedMs = performance.now() - startMs;
      // A JSON response may have been left before its end.
      const body = isStream || input.reading !== 'all' || elapsedMs >= longestMs ? '' : text;
      resolve([
        ...(status === 0 ? [] : faultsOfResponse({ status, headers, body, elapsedMs })),
        ...(isStream ? faultsOfEvents(text) : []),
        ...session.secrets.faultsOf(text, 'a stream'),
      ]);
    };
    call.on('response', (response) => {
      status = response.statusCode ?? 0;
      headers = response.headers;
      response.on('error', done);
      response.on('close', done);
      if (input.reading === 'nothing') response.pause();
      else response.on('data', (chunk: Buffer) => chunks.push(chunk));
    });
    call.on('error', done);
    call.end(input.body);
    const timer = setTimeout(done, typeof input.reading === 'number' ? input.reading : longestMs);
  });
}

/** Event streams: wrong requests, and clients that leave early or read nothing. */
export const sse: EntryPoint<StreamCase> = {
  name: 'sse',
  targets: ['production', 'demo'],
  batchSize: 12,
  generate,
  describe: ({ method, path, headers, body, role, reading }) =>
    `${method} ${path.slice(0, 300)} ${JSON.stringify(headers)} as ${role ?? 'nobody'}, reads ${reading}: ${compact(String(body))}`,
  run: eachCase(run),
};
