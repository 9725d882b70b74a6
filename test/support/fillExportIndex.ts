import { ExportIndex } from '../../src/export/exportIndex.ts';

/** Fills the index of an export that follows, and prints the growth of the heap for each object. Run with --expose-gc. */
const chats = Number(process.argv[2]);
const customers = Number(process.argv[3]);
const messagesPerChat = 5;

const parsed = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value;
const timeOf = (second: number): string =>
  new Date(Date.UTC(2026, 0, 1) + second * 1_000).toISOString();

const heap = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};

const before = heap();
const index = new ExportIndex();
for (let number = 0; number < customers; number += 1)
  index.recordIfChanged('customers', parsed({ id: String(7_000_000 + number), name: 'Ada' }));
for (let number = 0; number < chats; number += 1) {
  const chat = { id: String(5_000_000 + number) };
  index.recordIfChanged('chats', parsed({ ...chat, customer: { id: String(7_000_000 + number) } }));
  for (let second = 0; second < messagesPerChat; second += 1) {
    const id = String(90_000_000 + number * messagesPerChat + second);
    index.addMessage(parsed({ id, createdAt: timeOf(number + second), chat }));
  }
}
const bytes = heap() - before;
// Keeps the index alive until the heap has been measured.
if (!index.has('chats', '5000000') && !index.has('customers', '7000000'))
  throw new Error('The index is empty.');
process.stdout.write(JSON.stringify({ bytesPerObject: bytes / (chats + customers) }));
