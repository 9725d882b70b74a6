// Fails when schema.graphql takes something away that the last release had and did not deprecate.
import { readFileSync } from 'node:fs';
import { breakingChanges } from './schemaChanges.ts';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

const broken = await breakingChanges(read('docs/schema/released.graphql'), read('schema.graphql'));
if (broken.length > 0) {
  process.stderr.write(
    ['This would break clients of the last release; deprecate it first:', ...broken, ''].join(
      '\n  ',
    ),
  );
  process.exitCode = 1;
}
