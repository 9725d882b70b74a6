import type { BatchSize } from './client.ts';
import { UpstreamError, upstreamErrorAsValue } from './errors.ts';

const isBatchRejected = (error: unknown): error is UpstreamError =>
  error instanceof UpstreamError && (error.details.status === 400 || error.details.status === 413);

/**
 * Fetches items in batches; the results are in the order of the items. Batches fail independently; throws if none succeeds. A batch that
 * HelpCrunch rejects with 400 or 413 is bisected: the accepted size is remembered, and an item that is rejected alone fails alone.
 */
export async function bisectBatches<Item, Result>(
  batchSize: BatchSize,
  items: readonly Item[],
  fetchBatch: (batch: readonly Item[]) => Promise<readonly Result[]>,
): Promise<(Result | UpstreamError)[]> {
  let hasSucceeded = false;
  let rejectedSingles = 0;

  async function fetchOrBisect(
    batch: readonly Item[],
  ): Promise<readonly (Result | UpstreamError)[]> {
    try {
      const results = await fetchBatch(batch);
      hasSucceeded = true;
      return results;
    } catch (error) {
      if (!isBatchRejected(error)) throw error;
      if (batch.length > 1) return await bisect(batch);
      rejectedSingles += 1;
      // Two single items rejected and none accepted: the items are not the cause.
      if (!hasSucceeded && rejectedSingles > 1) throw error;
      return [error];
    }
  }

  async function bisect(batch: readonly Item[]): Promise<(Result | UpstreamError)[]> {
    const rejectedBefore = rejectedSingles;
    const half = Math.ceil(batch.length / 2);
    const first = await fetchOrBisect(batch.slice(0, half));
    const second = await fetchOrBisect(batch.slice(half));
    if (rejectedSingles === rejectedBefore) batchSize.limit = Math.min(batchSize.limit, half);
    return [...first, ...second];
  }

  const batches: (readonly Item[])[] = [];
  for (let start = 0; start < items.length; start += batchSize.limit) {
    batches.push(items.slice(start, start + batchSize.limit));
  }
  const outcomes = await Promise.allSettled(batches.map(fetchOrBisect));
  return outcomes.flatMap((outcome, index) => {
    if (outcome.status === 'fulfilled') return outcome.value;
    if (!hasSucceeded) throw outcome.reason;
    const error = upstreamErrorAsValue(outcome.reason);
    return (batches[index] ?? []).map(() => error);
  });
}
