/**
 * `npm run bench:ui [start] [desktop] [design] [chart] [gallery] [train] [drop]`: the budgets of the interface, measured in the real page
 * in a real Chromium, before a real server, core and trainer. All of them without a name.
 */
import { rmSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { setup as build } from '../../test/e2e/build.ts';
import { findChromium, launchBrowser, ServedLibrary } from '../../test/e2e/studio.ts';
import { benchChart } from './chart.ts';
import { benchDesign } from './design.ts';
import { benchDesktop } from './desktop.ts';
import { benchGallery } from './gallery.ts';
import { benchDrop } from './drop.ts';
import { fillLibrary } from './library.ts';
import { print, Report } from './report.ts';
import { benchStart } from './start.ts';
import { Studio } from './studio.ts';
import { benchTrain } from './train.ts';

const benches = {
  start: benchStart,
  desktop: benchDesktop,
  design: benchDesign,
  chart: benchChart,
  gallery: benchGallery,
  train: benchTrain,
  drop: benchDrop,
};
const load = () => `load average ${loadavg()[0]!.toFixed(1)}`;

async function run(wanted: readonly string[]): Promise<Report> {
  if (findChromium() === null) throw new Error('No Chromium was found: put one on the path.');
  const report = new Report();
  await build();
  const library = new ServedLibrary();
  // Ctrl-C ends browser and server, and this process before anything else is done.
  process.on('exit', () => rmSync(library.folder, { recursive: true, force: true }));
  const browser = await launchBrowser();
  try {
    const started = performance.now();
    const filled = await fillLibrary(join(library.folder, 'library'), (what) => print(`writing ${what}`));
    print(`written in ${((performance.now() - started) / 1000).toFixed(0)} s`);
    const studio = await Studio.enter(browser, await library.start(), filled);
    for (const [name, bench] of Object.entries(benches)) {
      if (wanted.length > 0 && !wanted.includes(name)) continue;
      print(`${name}, ${load()}`);
      await bench(studio, report);
    }
    return report;
  } finally {
    await browser.close();
    // As Ctrl-C does: its trainers and explorers end with it.
    await library.stop();
    await library.remove();
  }
}

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !(name in benches));
if (unknown === undefined) {
  print(`${cpus()[0]?.model ?? 'unknown CPU'}, ${availableParallelism()} cores, ${load()}`);
  const { missed, keptByProcessorAlone: late } = await run(wanted);
  print(missed === 0 ? 'All budgets were kept.' : `${missed} of the budgets were missed.`);
  if (late > 0)
    print(
      `${late} of those that were kept were kept by processor time alone: the clock missed them, on a busy machine.`,
    );
  process.exitCode = missed === 0 ? 0 : 1;
} else {
  print(`There is no benchmark "${unknown}". There are: ${Object.keys(benches).join(', ')}.`);
  process.exitCode = 2;
}
