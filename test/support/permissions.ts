import { readFileSync } from 'node:fs';

function rulesOf(user: string): string {
  const text = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  const rules = new RegExp(`^ACL SETUSER ${user} on >password (.*)$`, 'm').exec(text)?.[1];
  if (rules === undefined) throw new Error(`The documentation has no user ${user}.`);
  return rules;
}

/** The rules of the user of the sentinels in docs/operations.md. */
export const documentedSentinelPermissions = (): string => rulesOf('sentinel-user');

/** The rules of the user of Redis in docs/operations.md, for keys and channels with the prefix. */
export function documentedPermissions(keyPrefix = ''): readonly string[] {
  return rulesOf('gateway')
    .replaceAll(/([~&])helpcrunch:/g, `$1${keyPrefix}helpcrunch:`)
    .split(' ');
}
