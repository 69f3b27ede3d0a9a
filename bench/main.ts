/** `npm run bench [step] [overhead] [growth] [intake] [store]`: speed, as ratios measured side by side on this machine. All of them without a name. */
import { availableParallelism, cpus } from 'node:os';
import { run as benchGrowth } from './growth.ts';
import { run as benchIntake } from './intake.ts';
import { run as benchOverhead } from './overhead.ts';
import { run as benchStep } from './step.ts';
import { run as benchStore } from './store.ts';

const benches = {
  step: benchStep,
  overhead: benchOverhead,
  growth: benchGrowth,
  intake: benchIntake,
  store: benchStore,
};
const print = (line: string) => void process.stdout.write(`${line}\n`);
const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !(name in benches));
if (unknown === undefined) {
  print(`${cpus()[0]?.model ?? 'unknown CPU'}, ${availableParallelism()} cores, Node ${process.version}`);
  for (const [name, bench] of Object.entries(benches)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    print('');
    await bench();
  }
} else {
  print(`There is no benchmark "${unknown}". There are: ${Object.keys(benches).join(', ')}.`);
  process.exitCode = 2;
}
