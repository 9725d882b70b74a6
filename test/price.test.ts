import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runPrice } from '../src/priceCommand.ts';

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
    complain(text) {
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

describe('the operations of a frontend', () => {
  test('are priced in a table, with the fragments of other files', () => {
    const { code, output, complaints } = price('--limit', '60', 'examples/operations/**/*.graphql');

    expect(complaints).toBe('');
    expect(output).toBe(
      [
        'operation           file                                            worst  typical  verdict',
        'ChatChanges         examples/operations/ChatChanges.graphql             1        1  ok',
        'ChatPage            examples/operations/ChatPage.graphql                3        2  ok',
        'CustomerCard        examples/operations/CustomerCard.graphql            2        2  ok',
        'Customers           examples/operations/Customers.graphql              21        2  ok',
        'Inbox               examples/operations/Inbox.graphql                   1        1  ok',
        'InboxWithCompanies  examples/operations/InboxWithCompanies.graphql      2        2  ok',
        'MarkRead            examples/operations/MarkRead.graphql                1        1  ok',
        'Refetch             examples/operations/Refetch.graphql                 2        2  ok',
        'Team                examples/operations/Team.graphql                    4        4  ok',
        'Transcripts         examples/operations/Transcripts.graphql            52       51  ok',
        '',
      ].join('\n'),
    );
    expect(code).toBe(0);
  });

  test('fail when one is above the limit of 30', () => {
    const { code, output } = price('examples/**/*.graphql');

    expect(output).toMatch(/^Transcripts .* 52 +51 {2}above 30$/m);
    expect(code).toBe(1);
  });

  test('are priced for a program as JSON', () => {
    const { code, output } = price('--json', 'examples/operations/Team.graphql');

    expect(JSON.parse(output)).toEqual({
      limit: 30,
      operations: [
        {
          operation: 'Team',
          file: 'examples/operations/Team.graphql',
          worst: 4,
          typical: 4,
          verdict: 'ok',
          errors: [],
        },
      ],
      problems: [],
    });
    expect(code).toBe(0);
  });
});

describe('variables', () => {
  const operation =
    'query Inbox($first: Int, $ids: [ID!]!) { chats(first: $first) { nodes { messages { nodes { id } } } } nodes(nodeIds: $ids) { ... on Chat { status } } }';

  const worstOf = ({ output }: Outcome) => JSON.parse(output).operations[0].worst;

  test('that are not given are assumed to be 100 or as dear as can be', async () => {
    const path = await file('assumed.graphql', operation);

    expect(worstOf(price('--json', path))).toBe(201);
  });

  test('are given by the name of the operation', async () => {
    const path = await file('given.graphql', operation);
    const variables = await file('variables.json', '{ "Inbox": { "first": 3, "ids": [] } }');

    expect(worstOf(price('--json', '--variables', variables, path))).toBe(4);
  });

  test('that make no JSON are refused', async () => {
    const path = await file('refused.graphql', operation);
    const variables = await file('wrong.json', '[1');

    const { code, complaints } = price('--variables', variables, path);

    expect(complaints).toContain(`${variables}: Give JSON with an object of variables`);
    expect(code).toBe(1);
  });
});

describe('what cannot be priced', () => {
  test('is told when an operation does not fit the schema', async () => {
    const path = await file('invalid.graphql', 'query Wrong { chats { nodes { colour } } }');

    const { code, output, complaints } = price(path);

    expect(output).toMatch(/^Wrong .* invalid$/m);
    expect(complaints).toBe(`${path}: Wrong: Cannot query field "colour" on type "Chat".\n`);
    expect(code).toBe(1);
  });

  test('is told when a file is no GraphQL, and the others are priced', async () => {
    const wrong = await file('broken.graphql', 'query {');
    const right = await file('right.graphql', 'query Right { agents { id } }');

    const { code, output, complaints } = price(wrong, right);

    expect(output).toMatch(/^Right .* ok$/m);
    expect(complaints).toContain(`${wrong}: Syntax Error: Expected Name, found <EOF>.`);
    expect(code).toBe(1);
  });

  test('is told when two files disagree about a fragment', async () => {
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
    ['No files found for no pattern; see --help.', []],
    ['No operations found in these files.', ['examples/operations/MessageLine.graphql']],
    ['--limit: Give a whole number.', ['--limit', 'many', 'examples/operations/Team.graphql']],
    ["Unknown option '--lmit'", ['--lmit']],
  ])('is told: %s', (complaint, given) => {
    const { code, complaints } = price(...given);

    expect(complaints).toContain(complaint);
    expect(code).toBe(1);
  });
});

test('--help tells how to use it', () => {
  const { code, output } = price('--help');

  expect(output).toContain("npm run price -- [options] 'src/**/*.graphql'");
  expect(code).toBe(0);
});
