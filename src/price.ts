import { runPrice } from './priceCommand.ts';

process.exitCode = runPrice(process.argv.slice(2), {
  print: (text) => process.stdout.write(text),
  complain: (text) => process.stderr.write(text),
});
