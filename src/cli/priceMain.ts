import { runPrice } from './price.ts';

process.exitCode = runPrice(process.argv.slice(2), {
  print: (text) => process.stdout.write(text),
  printError: (text) => process.stderr.write(text),
});
