import { parseArgs } from 'node:util';
import { fuzz } from './fuzzer.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
  },
});

const print = (line: string): void => void process.stdout.write(`${line}\n`);

print(`seed ${values.seed}, ${values.seconds} s`);
const { faults, summaries, skipped } = await fuzz({
  seed: Number(values.seed),
  seconds: Number(values.seconds),
  only: values.only.split(',').filter((name) => name !== ''),
  report: print,
});
for (const reason of skipped) print(`skipped ${reason}`);
const cases = summaries.reduce((sum, summary) => sum + summary.cases, 0);
print(`${cases} cases, ${faults.length} faults`);
process.exit(faults.length === 0 ? 0 : 1);
