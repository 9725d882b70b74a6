import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toSubgraphSdl } from '../../src/graphql/federation/subgraphSdl.ts';
import { foreignSchemas } from '../support/foreignSchemas.ts';
import { adapters, grafbasePackage, grafbaseVersion, sectionOf } from './routers.ts';
import type { Subgraph } from './routers.ts';

interface Composer {
  readonly packages: readonly string[];
  /** The failures of each list of subgraphs; empty if it composes. */
  readonly compose: (
    folder: string,
    lists: readonly (readonly Subgraph[])[],
  ) => readonly string[][];
}

function composeByWunderGraph(folder: string, lists: readonly (readonly Subgraph[])[]) {
  writeFileSync(join(folder, 'lists.json'), JSON.stringify(lists));
  cpSync(join(adapters, 'wundergraph.mjs'), join(folder, 'wundergraph.mjs'));
  const printed = execFileSync(process.execPath, ['wundergraph.mjs', 'lists.json'], {
    cwd: folder,
  });
  return JSON.parse(printed.toString()) as string[][];
}

function composeByGrafbase(folder: string, lists: readonly (readonly Subgraph[])[]) {
  const cwd = join(folder, 'compose');
  mkdirSync(cwd, { recursive: true });
  return lists.map((subgraphs) => {
    for (const { name, sdl } of subgraphs) writeFileSync(join(cwd, `${name}.graphql`), sdl);
    writeFileSync(join(cwd, 'grafbase.toml'), subgraphs.map(sectionOf).join('\n\n'));
    const { status, stderr } = spawnSync(
      join(folder, 'node_modules', grafbasePackage, 'grafbase'),
      ['compose', '--config', 'grafbase.toml'],
      { cwd },
    );
    return status === 0 ? [] : [stderr.toString()];
  });
}

/** Composers that are no development dependencies; the others are tested by test/graphql/federation. */
export const composers: Readonly<Record<string, Composer>> = {
  '@wundergraph/composition': {
    packages: ['@wundergraph/composition@0.55.0'],
    compose: composeByWunderGraph,
  },
  'grafbase compose': {
    packages: [`${grafbasePackage}@${grafbaseVersion}`],
    compose: composeByGrafbase,
  },
};

const subgraph = (name: string, sdl: string): Subgraph => ({
  name,
  sdl,
  url: `http://${name}.example`,
});

const schema = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8');

/** The schema of the gateway beside each of forty others. */
export const compositions = foreignSchemas.map(({ name, sdl, excluded }) => ({
  name,
  subgraphs: [subgraph('helpdesk', toSubgraphSdl(schema, excluded)), subgraph('theirs', sdl)],
}));
