import type { BatchSize } from './client.ts';
import { UpstreamError } from './errors.ts';

const isTooMany = (error: unknown): boolean =>
  error instanceof UpstreamError && (error.details.status === 400 || error.details.status === 413);

/**
 * Asks for many things, as many a call as the helpdesk takes. When it refuses a call, half as many are tried, and what it
 * then takes is remembered. Where a smaller call fails as well, the number was not at fault.
 */
export async function inBatches<Item, Result>(
  batchSize: BatchSize,
  items: readonly Item[],
  ask: (batch: readonly Item[]) => Promise<readonly Result[]>,
): Promise<Result[]> {
  async function askFor(batch: readonly Item[]): Promise<readonly Result[]> {
    try {
      return await ask(batch);
    } catch (error) {
      if (!isTooMany(error) || batch.length === 1) throw error;
      const half = Math.ceil(batch.length / 2);
      const first = await askFor(batch.slice(0, half));
      batchSize.limit = Math.min(batchSize.limit, half);
      return [...first, ...(await askFor(batch.slice(half)))];
    }
  }
  const batches: (readonly Item[])[] = [];
  for (let start = 0; start < items.length; start += batchSize.limit) {
    batches.push(items.slice(start, start + batchSize.limit));
  }
  return (await Promise.all(batches.map(askFor))).flat();
}
