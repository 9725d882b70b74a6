/** @typedef {{ name: string, title: string, query: string }} Operation */

/** @type {readonly Operation[]} */
const operations = JSON.parse(document.getElementById('operations')?.textContent ?? '[]');
/** The gateway may be below a base path. @type {(path: string) => string} */
const urlOf = (path) => new URL(path, document.baseURI).href;

const chosen = new URLSearchParams(location.search).get('operation');

for (const { name, title } of operations) {
  const link = document.createElement('a');
  link.href = `?operation=${name}`;
  link.textContent = title;
  if (name === chosen) link.setAttribute('aria-current', 'true');
  const item = document.createElement('li');
  item.append(link);
  document.getElementById('examples')?.append(item);
}

const query = operations.find(({ name }) => name === chosen)?.query;

self.MonacoEnvironment = {
  globalAPI: false,
  getWorkerUrl: (_module, label) =>
    urlOf(`explorer/${['json', 'graphql'].includes(label) ? label : 'editor'}.worker.js`),
};

/** @type {(document: any, name?: string) => boolean} */
const isSubscription = (document, wanted) =>
  document?.definitions.some(
    (/** @type {any} */ { operation, name }) =>
      operation === 'subscription' && (wanted === undefined || name?.value === wanted),
  ) ?? false;

/** @type {(operation: any, options?: any) => unknown} */
function execute(operation, { headers = {}, documentAST } = {}) {
  if (isSubscription(documentAST, operation.operationName)) {
    // Subscriptions use server-sent events, so that the headers set in the explorer apply to them.
    const client = graphqlSse.createClient({
      url: urlOf('graphql/stream'),
      headers,
      retryAttempts: 0,
    });
    return client.iterate(operation);
  }
  return fetch(urlOf('graphql'), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(operation),
  }).then((response) => response.json());
}

YogaGraphiQL.renderYogaGraphiQL(document.getElementById('root'), {
  fetcher: execute,
  defaultEditorToolsVisibility: false,
  title: '',
  logo: '',
  // Tabs are persisted, so the default is used on the first visit only.
  ...(query === undefined ? { defaultTabs: [{ query: operations[0]?.query }] } : { query }),
});
