/** @type {readonly { query: string }[]} */
const operations = JSON.parse(document.getElementById('operations')?.textContent ?? '[]');
/** The gateway may be below a base path. */
const endpoint = new URL('graphql', document.baseURI).href;
const notice = document.getElementById('notice');

function open() {
  notice?.remove();
  new EmbeddedSandbox({
    target: '#sandbox',
    initialEndpoint: endpoint,
    initialSubscriptionEndpoint: endpoint.replace(/^http/, 'ws'),
    initialState: { document: operations[0]?.query, includeCookies: false },
    endpointIsEditable: false,
    hideCookieToggle: true,
    runTelemetry: false,
  });
}

function showFallback() {
  const link = document.createElement('a');
  link.href = 'explorer';
  link.textContent = 'offline explorer';
  notice?.replaceChildren(
    "Apollo's servers cannot be reached, so Apollo Sandbox is not available. Use the ",
    link,
    ' instead.',
  );
}

const script = document.createElement('script');
script.src =
  'https://embeddable-sandbox.cdn.apollographql.com/_latest/embeddable-sandbox.umd.production.min.js';
script.onload = open;
script.onerror = showFallback;
document.head.append(script);
