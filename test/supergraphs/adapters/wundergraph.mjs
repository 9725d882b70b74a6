// Composes each list of subgraphs of the file given as argument and prints the failures as JSON. Runs in the folder with its packages.
import { readFileSync } from 'node:fs';
import { federateSubgraphs, ROUTER_COMPATIBILITY_VERSION_ONE } from '@wundergraph/composition';
import { parse } from 'graphql';

const lists = JSON.parse(readFileSync(process.argv[2], 'utf8'));

const failures = lists.map((subgraphs) => {
  const {
    success,
    errors = [],
    warnings = [],
  } = federateSubgraphs({
    subgraphs: subgraphs.map(({ name, url, sdl }) => ({ name, url, definitions: parse(sdl) })),
    version: ROUTER_COMPATIBILITY_VERSION_ONE,
  });
  return success ? warnings.map(({ message }) => message) : errors.map(({ message }) => message);
});
process.stdout.write(JSON.stringify(failures));
