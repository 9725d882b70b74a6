import { readFileSync } from 'node:fs';
import { allSettings } from './declarations.ts';
import type { Environment } from './setting.ts';

const suffix = '_FILE';
const previousSuffix = '_PREVIOUS';

const names: ReadonlySet<string> = new Set(allSettings.map(({ name }) => name));

/** Secrets that can be read from a file. */
const secretNames = allSettings.flatMap(({ name, isSecret = false }) =>
  isSecret && names.has(`${name}${suffix}`) ? [name] : [],
);

interface SecretFiles {
  /** The environment with the secrets of the files. */
  readonly environment: Environment;
  readonly problems: readonly string[];
}

/**
 * Replaces each `X_FILE` by the secret in the first line of the file, and by its previous value in the second line. Container platforms and
 * systemd provide secrets as files, which unlike variables are neither inherited nor shown, and can be read again.
 */
export function readSecretFiles(given: Environment): SecretFiles {
  const environment: Record<string, string | undefined> = { ...given };
  const problems: string[] = [];

  function read(name: string, path: string): void {
    const variable = `${name}${suffix}`;
    if (given[name] !== undefined) {
      problems.push(`${variable}: cannot be combined with ${name}. Set only one of them.`);
      return;
    }
    let lines: readonly string[];
    try {
      lines = readFileSync(path, 'utf8').split('\n', 2);
    } catch {
      problems.push(`${variable}: the file ${path} cannot be read.`);
      return;
    }
    const [secret = '', previous = ''] = lines.map((line) => line.trim());
    if (secret === '') {
      problems.push(`${variable}: the first line of the file ${path} is empty.`);
      return;
    }
    environment[name] = secret;
    const previousName = `${name}${previousSuffix}`;
    if (previous === '' || !names.has(previousName)) return;
    if (given[previousName] === undefined) environment[previousName] = previous;
    else problems.push(`${previousName}: is also the second line of the file ${path}. Remove one.`);
  }

  for (const name of secretNames) {
    const path = given[`${name}${suffix}`];
    if (path !== undefined) read(name, path);
  }
  return { environment, problems };
}
