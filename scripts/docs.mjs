// Writes the generated parts of the documentation; with --check it fails if a file is not up to date.
await import('./schemaReference.mjs');
await import('./settingsReference.ts');
await import('./generatedTables.ts');
