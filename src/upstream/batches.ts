import type { BatchSize } from './client.ts';
import { UpstreamError } from './errors.ts';

const isTooMany = (error: unknown): error is UpstreamError =>
  error instanceof UpstreamError && (error.details.status === 400 || error.details.status === 413);

/**
 * Asks for many things, as many a call as the helpdesk takes; the results are in the order of the items. When it refuses a call, the
 * halves are tried: what it then takes is remembered, and an item that it refuses even alone has failed alone.
 */
export async function inBatches<Item, Result>(
  batchSize: BatchSize,
  items: readonly Item[],
  ask: (batch: readonly Item[]) => Promise<readonly Result[]>,
): Promise<(Result | UpstreamError)[]> {
  let hasTaken = false;
  let refusedAlone = 0;

  async function askFor(batch: readonly Item[]): Promise<readonly (Result | UpstreamError)[]> {
    try {
      const results = await ask(batch);
      hasTaken = true;
      return results;
    } catch (error) {
      if (!isTooMany(error)) throw error;
      if (batch.length > 1) return await askForHalves(batch);
      refusedAlone += 1;
      // Two that are refused alone and nothing taken: it is not about these items.
      if (!hasTaken && refusedAlone > 1) throw error;
      return [error];
    }
  }

  async function askForHalves(batch: readonly Item[]): Promise<(Result | UpstreamError)[]> {
    const refusedBefore = refusedAlone;
    const half = Math.ceil(batch.length / 2);
    const first = await askFor(batch.slice(0, half));
    const second = await askFor(batch.slice(half));
    if (refusedAlone === refusedBefore) batchSize.limit = Math.min(batchSize.limit, half);
    return [...first, ...second];
  }

  const batches: (readonly Item[])[] = [];
  for (let start = 0; start < items.length; start += batchSize.limit) {
    batches.push(items.slice(start, start + batchSize.limit));
  }
  return (await Promise.all(batches.map(askFor))).flat();
}
