import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runPrice } from '../../src/cli/price.ts';

interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly complaints: string;
}

/** The command, in this process. */
function price(...given: readonly string[]): Outcome {
  let output = '';
  let complaints = '';
  const code = runPrice(given, {
    print(text) {
      output += text;
    },
    printError(text) {
      complaints += text;
    },
  });
  return { code, output, complaints };
}

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'price-'));
});

afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

describe('price', () => {
  test('prints a table of costs and finds fragments in other files', () => {
    const { code, output, complaints } = price('--limit', '60', 'examples/operations/**/*.graphql');

    expect(complaints).toBe('');
    expect(output).toBe(
      [
        'operation           file                                            worst  typical  nodes  verdict',
        'ChatChanges         examples/operations/ChatChanges.graphql             1        1      3  ok',
        'ChatPage            examples/operations/ChatPage.graphql                3        2    111  ok',
        'CustomerCard        examples/operations/CustomerCard.graphql            2        2     18  ok',
        'Customers           examples/operations/Customers.graphql              21        2     62  ok',
        'Inbox               examples/operations/Inbox.graphql                   1        1    202  ok',
        'InboxWithCompanies  examples/operations/InboxWithCompanies.graphql      2        2    602  ok',
        'MarkRead            examples/operations/MarkRead.graphql                1        1      1  ok',
        'Refetch             examples/operations/Refetch.graphql                 2        2      2  ok',
        'Team                examples/operations/Team.graphql                    4        4    266  ok',
        'Transcripts         examples/operations/Transcripts.graphql            52       51   2101  ok',
        '',
      ].join('\n'),
    );
    expect(code).toBe(0);
  });

  test('fails if an operation is above the limit of 30 calls', () => {
    const { code, output } = price('examples/**/*.graphql');

    expect(output).toMatch(/^Transcripts .* 52 +51 +2101 {2}above 30$/m);
    expect(code).toBe(1);
  });

  test('fails if a response could have more nodes than --max-nodes', () => {
    const args = ['--limit', '60', 'examples/operations/*.graphql'];
    const { code, output } = price('--max-nodes', '2100', ...args);

    expect(output).toMatch(/^Transcripts .* 52 +51 +2101 {2}above 2100 nodes$/m);
    expect(output).toMatch(/^InboxWithCompanies .* 602 {2}ok$/m);
    expect(code).toBe(1);
    expect(price('--max-nodes', '2101', ...args).code).toBe(0);
  });

  test('accepts the operations of the explorer within the default limits', () => {
    const { code, output } = price('explorer/operations/*.graphql');

    expect(output).toMatch(/^Chat .* 54 {2}ok$/m);
    expect(code).toBe(0);
  });

  test('fails if nested lists are above the limit of 20,000 nodes although they cost few calls', async () => {
    const path = await file(
      'nested.graphql',
      'query Nested { chat(id: 1) { messages(first: 80) { nodes { chat { messages(first: 80) { nodes { chat { messages(first: 80) { nodes { id } } } } } } } } } }',
    );

    const { code, output } = price(path);

    expect(output).toMatch(/^Nested .* 531442 {2}above 20000 nodes$/m);
    expect(code).toBe(1);
  });

  test('prints JSON with --json', () => {
    const { code, output } = price('--json', 'examples/operations/Team.graphql');

    expect(JSON.parse(output)).toEqual({
      limit: 30,
      maxNodes: 20_000,
      operations: [
        {
          operation: 'Team',
          file: 'examples/operations/Team.graphql',
          worst: 4,
          typical: 4,
          nodes: 266,
          verdict: 'ok',
          errors: [],
        },
      ],
      problems: [],
    });
    expect(code).toBe(0);
  });
});

describe('price with variables', () => {
  const operation =
    'query Inbox($first: Int, $ids: [ID!]!) { chats(first: $first) { nodes { messages { nodes { id } } } } nodes(nodeIds: $ids) { ... on Chat { status } } }';

  const worstOf = ({ output }: Outcome) => JSON.parse(output).operations[0].worst;

  test('assumes 100 or the most expensive value for missing variables', async () => {
    const path = await file('assumed.graphql', operation);

    expect(worstOf(price('--json', path))).toBe(201);
  });

  test('reads variables by the name of the operation', async () => {
    const path = await file('given.graphql', operation);
    const variables = await file('variables.json', '{ "Inbox": { "first": 3, "ids": [] } }');

    expect(worstOf(price('--json', '--variables', variables, path))).toBe(4);
  });

  test('rejects a file of variables that is not JSON', async () => {
    const path = await file('refused.graphql', operation);
    const variables = await file('wrong.json', '[1');

    const { code, complaints } = price('--variables', variables, path);

    expect(complaints).toContain(`${variables}: must be JSON with an object of variables`);
    expect(code).toBe(1);
  });
});

describe('price of invalid operations', () => {
  test('reports an operation that does not match the schema', async () => {
    const path = await file('invalid.graphql', 'query Wrong { chats { nodes { colour } } }');

    const { code, output, complaints } = price(path);

    expect(output).toMatch(/^Wrong .* invalid$/m);
    expect(complaints).toBe(`${path}: Wrong: Cannot query field "colour" on type "Chat".\n`);
    expect(code).toBe(1);
  });

  test('reports fragments that form a cycle and operations that are nested too deeply', async () => {
    const spreads = (index: number) => `...F${(index + 1) % 120} ...F${(index + 2) % 120}`;
    const fragments = Array.from(
      { length: 120 },
      (_, index) => `fragment F${index} on Query { ${spreads(index)} }`,
    );
    const cycle = await file('cycle.graphql', `query Cycle { ...F0 } ${fragments.join(' ')}`);
    const levels = (count: number) => `${'... { '.repeat(count)} __typename ${'} '.repeat(count)}`;
    const deep = await file('deep.graphql', `query Deep { ${levels(500)} }`);
    const deepest = await file('deepest.graphql', `query Deepest { ${levels(100_000)} }`);

    const { code, output, complaints } = price('--json', cycle, deep, deepest);

    expect(complaints).toContain(`${cycle}: Cycle: Cannot spread fragment "F0" within itself`);
    expect(complaints).toContain(`${deep}: Deep: Selections and values may be nested 200 levels`);
    expect(complaints).toContain(`${deepest}: This document is nested too deeply to be parsed.`);
    expect(JSON.parse(output).operations).toMatchObject([
      { operation: 'Cycle', worst: null, typical: null, nodes: null, verdict: 'invalid' },
      { operation: 'Deep', nodes: null, verdict: 'invalid' },
    ]);
    expect(code).toBe(1);
  });

  test('reports a file that is not GraphQL and prints the costs of the others', async () => {
    const wrong = await file('broken.graphql', 'query {');
    const right = await file('right.graphql', 'query Right { agents { id } }');

    const { code, output, complaints } = price(wrong, right);

    expect(output).toMatch(/^Right .* ok$/m);
    expect(complaints).toContain(`${wrong}:1:8: Syntax Error: Expected Name, found <EOF>.`);
    expect(code).toBe(1);
  });

  test('reports different fragments of the same name', async () => {
    const one = await file(
      'one.graphql',
      'fragment F on Agent { id } query One { agents { ...F } }',
    );
    const two = await file('two.graphql', 'fragment F on Agent { name }');

    const { code, complaints } = price(one, two);

    expect(complaints).toBe(`${two}: Another file has a different fragment "F".\n`);
    expect(code).toBe(1);
  });

  test.each([
    ['No files found for nowhere/*.graphql.', ['nowhere/*.graphql']],
    ['No file or pattern given; see --help.', []],
    ['No operations found in these files.', ['examples/operations/MessageLine.graphql']],
    [
      '--max-nodes: must be a whole number.',
      ['--max-nodes', '-', 'examples/operations/Team.graphql'],
    ],
    ['--limit: must be a whole number.', ['--limit', 'many', 'examples/operations/Team.graphql']],
    ["Unknown option '--lmit'", ['--lmit']],
  ])('price reports an invalid command line or file: %s', (complaint, given) => {
    const { code, complaints } = price(...given);

    expect(complaints).toContain(complaint);
    expect(code).toBe(1);
  });
});

test('price --help prints the usage', () => {
  const { code, output } = price('--help');

  expect(output).toContain("npm run price -- [options] 'src/**/*.graphql'");
  expect(code).toBe(0);
});
