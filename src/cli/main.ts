#!/usr/bin/env node
import { runCommandLine } from './commandLine.ts';

// The reader of the output may have ended, such as `head`.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const code = await runCommandLine(process.argv.slice(2), {
  print: (text) => process.stdout.write(text),
  printError: (text) => process.stderr.write(text),
});
// A command that serves sets its exit code itself.
if (code !== 0) process.exitCode = code;
