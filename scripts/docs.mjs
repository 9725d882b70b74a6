// Writes the generated parts of the documentation; with --check it only reports differences.
await import('./schemaReference.mjs');
await import('./settingsReference.ts');
