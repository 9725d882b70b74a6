// Puts the pages of `explorer` and the parts of GraphiQL together in dist/explorer, compressed, when any of them is newer.
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const target = 'dist/explorer';
const modifiedAt = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const pages = ['explorer.html', 'explorer.js', 'explorer.css', 'icon.svg'];
const sandboxPages = ['sandbox.html', 'sandbox.js', 'sandbox.css'];
const operationFiles = readdirSync('explorer/operations').sort();
const sources = [
  ...[...pages, ...sandboxPages].map((name) => `explorer/${name}`),
  ...operationFiles.map((name) => `explorer/operations/${name}`),
  'explorer/operations',
  'scripts/explorer.mjs',
  'package-lock.json',
];

const groups = { query: 'Queries', mutation: 'Mutations', subscription: 'Subscriptions' };

/** The name of the operation is the name of its button and of its tab. Variables are in a comment. */
function operationFrom(file) {
  const text = readFileSync(`explorer/operations/${file}`, 'utf8');
  const [, type, name] = /^(query|mutation|subscription) (\w+)/m.exec(text);
  const [variablesLine = '', variables] = /^# variables: (.*)\n/m.exec(text) ?? [];
  return {
    name,
    group: text.includes('# fails with ') ? 'Errors' : groups[type],
    query: text.replace(variablesLine, '').trim(),
    variables: variables === undefined ? null : JSON.stringify(JSON.parse(variables), null, 2),
  };
}

async function assemble() {
  const graphiql = await import('@graphql-yoga/render-graphiql/graphiql');
  const operations = JSON.stringify(operationFiles.map(operationFrom)).replaceAll('<', '\\u003c');
  const sse = readFileSync('node_modules/graphql-sse/umd/graphql-sse.min.js', 'utf8');
  const files = {
    'graphql-sse.js': sse,
    'graphiql.js': graphiql.js,
    'graphiql.css': graphiql.css,
    'editor.worker.js': graphiql.editorWorkerService,
    'json.worker.js': graphiql.jsonWorker,
    'graphql.worker.js': graphiql.graphqlWorker,
    ...Object.fromEntries(
      [...pages, ...sandboxPages].map((name) => [
        name,
        readFileSync(`explorer/${name}`, 'utf8').replace('OPERATIONS', () => operations),
      ]),
    ),
  };
  mkdirSync(target, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(`${target}/${name}.gz`, gzipSync(text, { level: 9 }));
  }
}

if (modifiedAt(`${target}/.built`) <= Math.max(...sources.map(modifiedAt))) {
  await assemble();
  writeFileSync(`${target}/.built`, '');
}
