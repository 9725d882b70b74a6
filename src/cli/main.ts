#!/usr/bin/env node
import { runCommandLine } from './commandLine.ts';

const code = await runCommandLine(process.argv.slice(2), {
  print: (text) => process.stdout.write(text),
  printError: (text) => process.stderr.write(text),
});
// A command that serves sets its exit code itself.
if (code !== 0) process.exitCode = code;
