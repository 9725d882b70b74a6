/** @typedef {{ name: string, group: string, query: string, variables: string | null }} Operation */
/** @typedef {{ title: string, query: string | null, variables: string | null, headers: string | null }} Tab */
/** @typedef {{ tabs: Tab[], activeTabIndex: number }} TabState */

/** @type {readonly Operation[]} */
const operations = JSON.parse(document.getElementById('operations')?.textContent ?? '[]');
/** The gateway may be below a base path. @type {(path: string) => string} */
const urlOf = (path) => new URL(path, document.baseURI).href;
/** @type {(selector: string) => HTMLElement} */
const find = (selector) => /** @type {HTMLElement} */ (document.querySelector(selector));

const maxEvents = 100;

/** GraphiQL restores its tabs from here. @type {(name: string, value: string | null) => void} */
function store(name, value) {
  if (value === null) localStorage.removeItem(`graphiql:${name}`);
  else localStorage.setItem(`graphiql:${name}`, value);
}

/** @returns {TabState} */
function storedTabs() {
  try {
    const state = JSON.parse(localStorage.getItem('graphiql:tabState') ?? '');
    if (Array.isArray(state.tabs) && state.tabs.length > 0) return state;
  } catch {
    // Nothing is stored yet.
  }
  return { tabs: [], activeTabIndex: 0 };
}

/** Activates the tab of an operation, which is created if there is none. Called before GraphiQL starts. */
function openTab(/** @type {Operation} */ { name, query, variables }) {
  const state = storedTabs();
  const known = state.tabs.findIndex(({ title }) => title === name);
  if (known === -1) {
    const headers = localStorage.getItem('graphiql:headers');
    // `crypto.randomUUID` exists in secure contexts only.
    const id = `${name}-${Date.now()}`;
    const details = { id, hash: null, operationName: name, response: null };
    state.tabs.push({ ...details, title: name, query, variables, headers });
  }
  state.activeTabIndex = known === -1 ? state.tabs.length - 1 : known;
  const tab = state.tabs[state.activeTabIndex];
  store('tabState', JSON.stringify(state));
  // GraphiQL takes the content of its editors from these, and adds a tab if they differ from all tabs.
  store('query', tab?.query ?? null);
  store('variables', tab?.variables ?? null);
  store('headers', tab?.headers ?? null);
}

/** @type {(name: string) => HTMLElement | undefined} */
const tabButton = (name) =>
  [...document.querySelectorAll('.graphiql-tab-button')]
    .filter((button) => button instanceof HTMLElement)
    .find(({ textContent }) => textContent === name);

/** @type {(operation: Operation) => HTMLElement} */
function linkTo({ name }) {
  const link = document.createElement('a');
  link.href = `?operation=${name}`;
  link.textContent = name;
  link.addEventListener('click', (event) => {
    const tab = tabButton(name);
    if (tab === undefined || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    tab.click();
  });
  const item = document.createElement('li');
  item.append(link);
  return item;
}

function listOperations() {
  for (const group of new Set(operations.map((operation) => operation.group))) {
    const section = document.createElement('section');
    const heading = document.createElement('h2');
    heading.textContent = group;
    heading.id = group.toLowerCase();
    const list = document.createElement('ul');
    list.setAttribute('aria-labelledby', heading.id);
    list.append(...operations.filter((operation) => operation.group === group).map(linkTo));
    section.append(heading, list);
    find('nav').append(section);
  }
}

/** Marks the link of the active tab. @type {(title: string | undefined) => void} */
function showActive(title) {
  for (const link of document.querySelectorAll('nav a')) {
    const isActive = link.textContent === title;
    if (isActive === link.hasAttribute('aria-current')) continue;
    link.toggleAttribute('aria-current', isActive);
    if (!isActive) continue;
    link.setAttribute('aria-current', 'true');
    link.scrollIntoView({ block: 'nearest', inline: 'center' });
    history.replaceState(null, '', /** @type {HTMLAnchorElement} */ (link).href);
  }
}

/** @type {(text: string, isError?: boolean) => void} */
function showStatus(text, isError = false) {
  const status = find('#status');
  status.textContent = text;
  status.classList.toggle('error', isError);
}

/** @type {(count: number, noun: string) => string} */
const plural = (count, noun) => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** @type {(result: any) => readonly string[]} */
const codesOf = ({ errors = [] }) =>
  errors.map((/** @type {any} */ { extensions, message }) => extensions?.code ?? message);

/** @type {(status: number, startedAt: number, result: any) => void} */
function showResult(status, startedAt, result) {
  const codes = codesOf(result);
  const { calls, rateLimit } = result.extensions?.upstream ?? {};
  const parts = [
    codes.length > 0 ? `${plural(codes.length, 'error')}: ${[...new Set(codes)].join(', ')}` : [],
    `HTTP ${status}`,
    `${Math.round(performance.now() - startedAt)} ms`,
    calls === undefined ? [] : plural(calls, 'upstream call'),
    rateLimit === undefined ? [] : `${rateLimit.remaining} of ${rateLimit.limit} calls left`,
  ];
  showStatus(parts.flat().join(' · '), codes.length > 0);
}

/** @type {(operation: any, headers: Record<string, string>) => Promise<unknown>} */
async function query(operation, headers) {
  const isIntrospection = operation.operationName === 'IntrospectionQuery';
  const startedAt = performance.now();
  if (!isIntrospection) showStatus('Running …');
  const response = await fetch(urlOf('graphql'), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(operation),
  }).catch((error) => {
    showStatus('The gateway cannot be reached.', true);
    throw error;
  });
  const { errors, ...result } = await response.json();
  const hasErrors = errors !== undefined && errors.length > 0;
  if (!isIntrospection) showResult(response.status, startedAt, { errors, ...result });
  else if (hasErrors) {
    const [code] = codesOf({ errors });
    showStatus(`The schema cannot be loaded: ${code}. Set the headers of the request.`, true);
  }
  // Errors first: data can be long.
  return hasErrors ? { errors, ...result } : result;
}

/** Shows the last events, the newest first. Server-sent events have the headers that are set in the explorer. */
const subscribe = (/** @type {any} */ operation, /** @type {object} */ headers) => ({
  subscribe(/** @type {any} */ sink) {
    const client = graphqlSse.createClient({
      url: urlOf('graphql/stream'),
      headers,
      retryAttempts: 0,
    });
    /** @type {unknown[]} */
    let events = [];
    let received = 0;
    sink.next({ received, events });
    showStatus('Waiting for events …');
    const unsubscribe = client.subscribe(operation, {
      next(/** @type {any} */ event) {
        received += 1;
        events = [{ receivedAt: new Date().toISOString(), ...event }, ...events].slice(
          0,
          maxEvents,
        );
        sink.next({ received, events });
        const codes = codesOf(event);
        const kept = received > maxEvents ? `, the last ${maxEvents} are shown` : '';
        showStatus([...codes, `${plural(received, 'event')}${kept}`].join(' · '), codes.length > 0);
      },
      error(/** @type {any} */ error) {
        const [{ message = String(error) } = {}] = Array.isArray(error) ? error : [error];
        showStatus(`The subscription has ended: ${message}`, true);
        if (received === 0) sink.next({ errors: Array.isArray(error) ? error : [{ message }] });
        sink.complete();
      },
      complete() {
        showStatus(`The subscription is complete · ${plural(received, 'event')}`);
        sink.complete();
      },
    });
    return {
      unsubscribe() {
        unsubscribe();
        showStatus(`Stopped · ${plural(received, 'event')}`);
      },
    };
  },
});

/** @type {(document: any, name?: string) => boolean} */
const isSubscription = (document, wanted) =>
  document?.definitions.some(
    (/** @type {any} */ { operation, name }) =>
      operation === 'subscription' && (wanted === undefined || name?.value === wanted),
  ) ?? false;

/** @type {(operation: any, options?: any) => unknown} */
function execute(operation, { headers = {}, documentAST } = {}) {
  if (operation.operationName !== 'IntrospectionQuery') find('main').classList.add('started');
  return isSubscription(documentAST, operation.operationName)
    ? subscribe(operation, headers)
    : query(operation, headers);
}

/**
 * GraphiQL declares its tabs as ARIA tabs, which must not contain buttons and need arrow keys. They are announced as a list of
 * buttons, one of which is current.
 */
function describeTabs() {
  const list = document.querySelector('.graphiql-tabs');
  list?.removeAttribute('role');
  find('#graphiql-session').removeAttribute('role');
  for (const tab of list?.querySelectorAll('.graphiql-tab') ?? []) {
    tab.removeAttribute('role');
    tab.removeAttribute('aria-selected');
    const isActive = tab.classList.contains('graphiql-tab-active');
    tab.querySelector('.graphiql-tab-button')?.setAttribute('aria-current', String(isActive));
  }
}

const { searchParams } = new URL(location.href);
const chosen = operations.find(({ name }) => name === searchParams.get('operation'));
listOperations();
if (chosen !== undefined) openTab(chosen);
else if (storedTabs().tabs.length === 0 && !searchParams.has('query') && operations[0])
  openTab(operations[0]);
const restored = storedTabs();
showActive(restored.tabs[restored.activeTabIndex]?.title);

self.MonacoEnvironment = {
  globalAPI: false,
  getWorkerUrl: (_module, label) =>
    urlOf(`explorer/${['json', 'graphql'].includes(label) ? label : 'editor'}.worker.js`),
};

const root = find('#root');
new MutationObserver(() => {
  if (document.querySelector('.graphiql-tabs') !== null) describeTabs();
}).observe(root, { childList: true, subtree: true, attributeFilter: ['class', 'role'] });

YogaGraphiQL.renderYogaGraphiQL(root, {
  fetcher: execute,
  defaultTabs: [],
  defaultEditorToolsVisibility: 'variables',
  title: '',
  logo: '',
  // The text stays out of the address.
  onEditQuery: () => undefined,
  onTabChange: (/** @type {TabState} */ { tabs, activeTabIndex }) =>
    showActive(tabs[activeTabIndex]?.title),
});
