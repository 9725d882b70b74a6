import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Installs what a folder of servers depends on in a folder of its own, once for each set of versions; gives that folder. */
function install(servers: string): string {
  const wanted = readFileSync(join(servers, 'package.json'));
  const name = createHash('sha256').update(wanted).digest('hex').slice(0, 12);
  const folder = join(tmpdir(), `helpcrunch-graphql-bench-${name}`);
  const modules = join(folder, 'node_modules');
  mkdirSync(folder, { recursive: true });
  cpSync(servers, folder, { recursive: true });
  if (existsSync(modules)) return folder;
  process.stdout.write('Installing the peers …\n');
  try {
    execFileSync(
      'npm',
      ['install', '--no-audit', '--engine-strict=false', '--no-fund', '--loglevel=error'],
      {
        cwd: folder,
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    );
  } catch (error) {
    // Half of it would be taken for the whole the next time.
    rmSync(modules, { recursive: true, force: true });
    throw error;
  }
  return folder;
}

export const prepareScratch = (): string => install(pathOf('bench/peers/'));

/** Hive Gateway, in a folder apart because it is as large as all others together, and its schema; undefined where it cannot be had. */
export function prepareHive(): string | undefined {
  try {
    const folder = install(pathOf('bench/hive/'));
    cpSync(pathOf('bench/peers/serve.mjs'), join(folder, 'serve.mjs'));
    cpSync(pathOf('docs/helpcrunch/openapi.yaml'), join(folder, 'openapi.yaml'));
    const compose = join(folder, 'node_modules/.bin/mesh-compose');
    execFileSync(compose, ['-o', 'supergraph.graphql'], { cwd: folder, stdio: 'pipe' });
    return folder;
  } catch (error) {
    process.stderr.write(`Hive Gateway is not installed: ${String(error)}\n`);
    return undefined;
  }
}

const jsonOf = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));

/** The versions of what was asked for in such a folder, by name. */
export function versionsOf(folder: string): Readonly<Record<string, string>> {
  const { dependencies } = jsonOf(join(folder, 'package.json')) as {
    readonly dependencies: object;
  };
  const versions = Object.keys(dependencies).map((name) => {
    const found = jsonOf(join(folder, 'node_modules', name, 'package.json'));
    return [name, (found as { readonly version: string }).version] as const;
  });
  return Object.fromEntries(versions);
}
