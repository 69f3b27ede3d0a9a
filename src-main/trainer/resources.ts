/** What this process uses of the machine while it trains. */
import { availableParallelism } from 'node:os';

/** How often it is told, in milliseconds. */
const tellEvery = 2000;

/** A reading of the process: milliseconds of the clock and of all cores together, resident bytes. */
interface Reading {
  time: number;
  cpuTime: number;
  memoryBytes: number;
}

function readProcess(): Reading {
  const { user, system } = process.cpuUsage();
  return {
    time: performance.now(),
    cpuTime: (user + system) / 1000,
    memoryBytes: process.memoryUsage.rss(),
  };
}

export class ResourceMeter {
  readonly #cores: number;
  readonly #read: () => Reading;
  #last: Reading;

  constructor(read: () => Reading = readProcess, cores: number = availableParallelism()) {
    this.#read = read;
    this.#cores = cores;
    this.#last = read();
  }

  /** Share of all cores (0 to 1) since it was told last, and resident bytes; null when it was told less than two seconds ago. */
  measure(): { cpu: number; memoryBytes: number } | null {
    const now = this.#read();
    const passed = now.time - this.#last.time;
    if (passed < tellEvery) return null;
    const cpu = (now.cpuTime - this.#last.cpuTime) / (passed * this.#cores);
    this.#last = now;
    return { cpu: Math.min(1, cpu), memoryBytes: now.memoryBytes };
  }
}
