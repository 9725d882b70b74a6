import { buildClientSchema, introspectionFromSchema, parse, validate } from 'graphql';
import { createHash } from 'node:crypto';
import { createIdleGuard } from '../dist/graphql/execution/executionGuard.js';
import { createGraphqlJsExecutor } from '../dist/graphql/execution/graphqlJsExecutor.js';
import { createPlanExecutor } from '../dist/graphql/execution/planExecutor.js';
import { createCostLimiter } from '../dist/graphql/cost/limiter.js';
import { OperationCache } from '../dist/graphql/operations/operationCache.js';
import { createPersistedDocuments } from '../dist/graphql/operations/persistedDocuments.js';
import { createSchema } from '../dist/graphql/schema/build.js';
import { resourceResolvers } from '../dist/resources/registry.js';

/** Of the stores that the cache replaced: documents, registered texts, and known operations. */
const maxMegabytes = 109;
const count = 10_000;

const text = (index) =>
  `query OneChat${100_000 + index}($id: ID!) { chat(id: $id) { id status createdAt lastMessageText readByAgent ` +
  `customer { id name email } assignee { id name role } department { id name } agents { id name role } } }`;

const agent = { id: '1', name: 'Ann', role: 'AGENT' };
const chat = {
  id: '1',
  status: 'NEW',
  createdAt: new Date(0),
  lastMessageText: 'Hello',
  readByAgent: true,
  customer: { id: '2', name: 'Bob', email: null },
  assignee: agent,
  department: { id: '3', name: 'Sales' },
  agents: [agent],
};

/** The schema without its resolvers: the values are properties. */
function createStubSchema() {
  const resolvable = createSchema(resourceResolvers, { subgraph: { excludedRootFields: [] } });
  const schema = buildClientSchema(introspectionFromSchema(resolvable));
  const field = schema.getQueryType()?.getFields()['chat'];
  if (field !== undefined) field.resolve = () => chat;
  return schema;
}

function heapBytes() {
  for (let run = 0; run < 3; run += 1) globalThis.gc();
  return process.memoryUsage().heapUsed;
}

/** The heap that 10,000 operations of 200 characters take, and how many of them are still cached. */
async function measure() {
  const schema = createStubSchema();
  const cache = new OperationCache({
    schema,
    executor: createPlanExecutor(schema, createGraphqlJsExecutor(schema)),
    assertWithinCost: createCostLimiter(schema, { maxCalls: 1_000, maxNodes: 20_000 }),
    report: () => undefined,
    persistedDocuments: createPersistedDocuments({
      schema,
      manifest: undefined,
      rejectsOthers: false,
    }),
    maxResponseBytes: 1_000_000,
  });
  const context = {
    viewer: { role: 'ALL' },
    guard: createIdleGuard(),
    quota: { cached: () => ({ limit: 0, remaining: 0 }) },
  };
  const send = (index) =>
    cache.tryExecute(
      { query: text(index), variables: { id: '1' } },
      {
        ...context,
        usage: { calls: 0, cacheHits: 0, shared: 0 },
      },
    );
  const before = heapBytes();
  for (let index = 0; index < count; index += 1) {
    const document = parse(text(index));
    if (validate(schema, document).length > 0) throw new Error('Invalid operation.');
    const hash = createHash('sha256').update(text(index)).digest('hex');
    for (let seen = 0; seen < 2; seen += 1) await cache.documentStore.set(hash, document);
    await send(index);
  }
  const megabytes = (heapBytes() - before) / 1_000_000;
  let cached = 0;
  for (let index = 0; index < count; index += 1) {
    if ((await send(index)) !== undefined) cached += 1;
  }
  process.stdout.write(
    `${cached} of ${count} operations of ${text(0).length} characters are cached, in ${megabytes.toFixed(1)} MB ` +
      `(${((megabytes * 1e6) / count).toFixed(0)} bytes each); at most ${maxMegabytes} MB\n`,
  );
  return cached === count && megabytes <= maxMegabytes;
}

if (!(await measure())) process.exitCode = 1;
