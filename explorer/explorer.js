/** @typedef {{ name: string, title: string, query: string }} Operation */

/** @type {readonly Operation[]} */
const operations = JSON.parse(document.getElementById('operations')?.textContent ?? '[]');
const chosen = new URLSearchParams(location.search).get('operation');

for (const { name, title } of operations) {
  const link = document.createElement('a');
  link.href = `?operation=${name}`;
  link.textContent = title;
  if (name === chosen) link.setAttribute('aria-current', 'true');
  const item = document.createElement('li');
  item.append(link);
  document.getElementById('ready')?.append(item);
}

const query = operations.find(({ name }) => name === chosen)?.query;

self.MonacoEnvironment = {
  globalAPI: false,
  getWorkerUrl: (_module, label) =>
    ({ json: '/explorer/json.worker.js', graphql: '/explorer/graphql.worker.js' })[label] ??
    '/explorer/editor.worker.js',
};

YogaGraphiQL.renderYogaGraphiQL(document.getElementById('root'), {
  endpoint: '/graphql',
  // Over HTTP, so that the headers typed in the explorer count for subscriptions too.
  subscriptionsProtocol: 'GRAPHQL_SSE',
  subscriptionsEndpoint: `${location.origin}/graphql/stream`,
  defaultEditorToolsVisibility: false,
  title: '',
  logo: '',
  // Tabs are remembered, so only a first visit sees the default one.
  ...(query === undefined ? { defaultTabs: [{ query: operations[0]?.query }] } : { query }),
});
