import { describe, expect, test } from '@jest/globals';
import { gateway } from '../bench/contenders/gateway.ts';
import { stockApollo, stockApolloWithDataLoader } from '../bench/contenders/stockApollo.ts';
import type { Differences } from '../bench/contest.ts';
import { createContests } from '../bench/contest.ts';
import { createMix, firstOfEach } from '../bench/mix.ts';
import { formatTable } from '../bench/table.ts';

describe('the mix', () => {
  test('has 200 operations, the same for the same seed', () => {
    const mix = createMix(1);

    expect(mix).toHaveLength(200);
    expect(createMix(1)).toEqual(mix);
    expect(createMix(2)).not.toEqual(mix);
  });

  test('is answered alike by the gateway and by both forms of stock Apollo Server', async () => {
    const differences: Differences = new Map();
    const contestants = [gateway, stockApollo, stockApolloWithDataLoader];
    const requests = firstOfEach(createMix(1)).map(({ request }) => request);
    const start = await createContests({ contestants, differences }, requests);
    const contest = await start();

    try {
      await contest.askInTurn(requests);
    } finally {
      await contest.stop();
    }

    expect([...differences.keys()]).toEqual([]);
  }, 60_000);
});

test('a table has its first column to the left and the others to the right', () => {
  const table = formatTable(
    ['operation', 'calls'],
    [
      ['inbox', 1_234],
      ['all', '2x'],
    ],
  );

  expect(table).toBe(
    ['operation  calls', '---------  -----', 'inbox      1,234', 'all           2x', ''].join('\n'),
  );
});
