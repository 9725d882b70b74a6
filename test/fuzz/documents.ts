import type { Random } from '../../src/simulator/random.ts';
import { operationText, randomOperation } from './documentGrammar.ts';
import type { Fault } from './oracle.ts';
import { faultsOfResponse } from './oracle.ts';
import type { Credentials, EntryPoint, Facts, HttpCase, Session } from './session.ts';
import { eachCase, send } from './session.ts';
import { bytes, compact, oddKey, oddValue } from './values.ts';

const json = { 'content-type': 'application/json' };

type Request = Omit<HttpCase, 'headers'> & {
  readonly headers: Readonly<Record<string, string>>;
  readonly role: Credentials['role'];
};

const post = (body: Buffer | string, headers: Readonly<Record<string, string>> = json) => ({
  method: 'POST',
  path: '/graphql',
  headers,
  body,
});

function operation(random: Random, facts: Facts) {
  const { query, variables } = randomOperation(random, facts);
  return post(
    `{"query":${JSON.stringify(query)}${variables === undefined ? '' : `,"variables":${variables}`}}`,
  );
}

/** Bodies that name what objects have of themselves. */
function prototypes(random: Random) {
  const value = JSON.stringify(oddValue(random));
  const key = oddKey(random);
  return post(
    random.pick([
      `{"query":"{ __typename }","variables":{"${key}":${value}}}`,
      `{"${key}":${value},"query":"{ __typename }"}`,
      `{"query":"query ($filter: ChatFilter) { chats(filter: $filter) { totalCount } }","variables":{"filter":{"${key}":${value}}}}`,
      `{"query":"{ __typename }","operationName":"${key}"}`,
      `{"query":"{ __typename }","extensions":{"${key}":${value},"persistedQuery":{"${key}":${value}}}}`,
      `{"id":"${key}"}`,
      `{"query":"{ ${key} }"}`,
      `{"query":"{ ...${key} }"}`,
      `{"query":"{ a: node(nodeId: \\"${Buffer.from(`${key}:1`).toString('base64')}\\") { ${key} } }"}`,
      `{"query":"query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }","variables":{"r":[{"__typename":"${key}","id":${value}}]}}`,
    ]),
  );
}

function search(random: Random) {
  const parameters = new URLSearchParams({
    query: operationText(random),
    variables: JSON.stringify(oddValue(random)),
    extensions: random.pick(['{', JSON.stringify(oddValue(random))]),
    [oddKey(random)]: JSON.stringify(oddValue(random)).slice(0, 500),
  });
  const name = random.pick(['graphql', 'graphql', 'healthz', 'webhooks/helpcrunch', 'metrics/..']);
  return {
    method: random.pick(['GET', 'GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']),
    path: `/${name}?${parameters.toString()}`.slice(0, 12_000),
    headers: random.isLucky(0.5) ? { 'apollo-require-preflight': '1' } : {},
    body: '',
  };
}

function generate(random: Random, facts: Facts): Request {
  const request = random.weighted<() => HttpCase>([
    [() => operation(random, facts), 16],
    [() => prototypes(random), 2],
    [() => search(random), 2],
    [() => post(bytes(random, random.integer(0, 500))), 1],
    [
      () =>
        post(
          JSON.stringify({
            query: random.isLucky(0.5) ? operationText(random) : oddValue(random),
            variables: oddValue(random),
            operationName: oddValue(random),
            extensions: oddValue(random),
          }),
        ),
      1,
    ],
    [
      () =>
        post(JSON.stringify({ query: '{ __typename }' }), {
          'content-type': random.pick([
            'text/plain',
            'application/json; charset=utf-16',
            'multipart/form-data',
            'application/graphql',
            'x',
            'application/json;;',
            '*/*',
          ]),
        }),
      1,
    ],
  ])();
  return {
    ...request,
    role: random.weighted([
      ['agent', 3],
      ['customer', 1],
      [undefined, 0.1],
    ]),
  };
}

async function run({ role, ...request }: Request, session: Session): Promise<readonly Fault[]> {
  const credentials = role === undefined ? {} : await session.authorization({ role });
  const response = await send(session.target.url, {
    ...request,
    headers: { ...credentials, ...request.headers },
  });
  if (response === undefined) return session.target.isAlive() ? ['no response'] : [];
  return [...faultsOfResponse(response), ...session.secrets.faultsOf(response.body, 'a response')];
}

/** Operations over HTTP: valid, invalid, deep, wide, and requests that contain none. */
export const documents: EntryPoint<Request> = {
  name: 'documents',
  targets: ['production', 'demo', 'forward'],
  batchSize: 4,
  share: 3,
  generate,
  describe: ({ method, path, body, role }) =>
    `${method} ${path.slice(0, 300)} as ${role ?? 'nobody'}: ${compact(String(body), 1_500)}`,
  run: eachCase(run),
};
