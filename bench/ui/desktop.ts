/** How long the desktop app takes until its window can be used, the first time. */
import { Person } from '../../test/e2e/desktop.ts';
import { runsOn } from '../../test/desktop/desktop-app.ts';
import type { Report } from './report.ts';
import { budgets } from './report.ts';
import { medianWork } from './start.ts';
import type { Studio } from './studio.ts';
import type { Work } from './trace.ts';

const rounds = 5;

/** What the app's main process has seen. */
interface Seen {
  /** Milliseconds since 1970. */
  readyAt: number;
  usableAt: Promise<number>;
  cpu: NodeJS.CpuUsage;
}

/** From when Electron is ready: before, the stand-in waits for a browser that Electron brings itself. */
async function firstStart(): Promise<Work> {
  const person = new Person();
  try {
    const app = await person.start({
      before: ({ app: electron }) => {
        const usable = `new Promise((resolve) => {
          const look = () => {
            if (document.querySelector('.greeting .way') === null) requestAnimationFrame(look);
            else resolve(performance.timeOrigin + performance.now());
          };
          look();
        })`;
        electron.once('ready', () =>
          Object.assign(globalThis, { readyAt: Date.now(), cpu: process.cpuUsage() }),
        );
        electron.once('browser-window-created', (_, { webContents }) => {
          const usableAt = new Promise((resolve) =>
            webContents.once('dom-ready', () => resolve(webContents.executeJavaScript(usable))),
          );
          Object.assign(globalThis, { usableAt });
        });
      },
    });
    return await app.evaluate(async () => {
      const { readyAt, usableAt, cpu } = globalThis as unknown as Seen;
      const wall = (await usableAt) - readyAt;
      const { user, system } = process.cpuUsage(cpu);
      return { wall, cpu: (user + system) / 1000 };
    }, undefined);
  } finally {
    await person.leave();
  }
}

export async function benchDesktop(_studio: Studio, report: Report): Promise<void> {
  const took: Work[] = [];
  for (let round = 0; round < rounds; round += 1) took.push(await firstStart());
  const { wall, cpu } = medianWork(took);
  const what = `first start (${runsOn}), from its being ready to what can be used`;
  const measured = `${wall.toFixed(0)} ms; its main process ${cpu.toFixed(0)} ms of processor`;
  // What its page takes of the processor is not known here, so the clock alone decides: on a busy machine it may be missed.
  report.kept(what, measured, `${budgets.start} ms`, wall <= budgets.start);
}
