/** How the time of a step grows with batch, pixels and channels: by multiply-add it should stay what it is. */
import { median, measure, print } from './processes.ts';

interface Result {
  ms: number;
  multiplyAdds: number;
}

/** What grows, and [resolution, batch, base channels, steps a round] from small to large. */
const series = {
  batch: [
    [32, 16, 32, 20],
    [32, 64, 32, 10],
    [32, 256, 32, 4],
  ],
  pixels: [
    [32, 16, 32, 20],
    [64, 16, 32, 8],
    [128, 16, 32, 3],
  ],
  channels: [
    [32, 16, 32, 20],
    [32, 16, 64, 10],
    [32, 16, 128, 4],
  ],
} as const;
const rounds = 3;

export async function run(): Promise<void> {
  print(`Growth of a step; ${rounds} rounds, medians; by multiply-add, relative to the first of a row`);
  for (const [what, sizes] of Object.entries(series)) {
    const found: string[] = [];
    let first = 0;
    for (const size of sizes) {
      const results: Result[] = [];
      for (let round = 0; round < rounds; round += 1)
        results.push(await measure<Result>('step_ganvas.ts', size));
      const ms = median(results.map((result) => result.ms));
      const each = ms / results[0]!.multiplyAdds;
      if (first === 0) first = each;
      found.push(`${size.slice(0, 3).join('/')} ${ms.toFixed(1)} ms (x${(each / first).toFixed(2)})`);
    }
    print(`${what.padEnd(9)} ${found.join(', ')}`);
  }
}
