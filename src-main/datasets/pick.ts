import type { DecodeWork } from './decode-in-order.ts';
import type { DecodeWorker } from './decode-workers.ts';
import { LeftOutList } from './left-out.ts';
import { newTurns } from './turns.ts';
import type { DecodedImages } from './worker-messages.ts';

/** An image of a source, decoded and fitted. */
export interface Picked {
  index: number;
  pixels: Uint8Array;
  /** Original size in pixels. */
  width: number;
  height: number;
}

const MOST_AT_ONCE = 256;

/**
 * Decodes `count` of a source's images that are spread over it; the same ones every time. Those that cannot be used are replaced by
 * others until there are no more.
 * @returns the images in their order, and what was left out on the way (where none is usable: everything)
 */
export async function pick(
  workers: readonly DecodeWorker[],
  { source, settings, limits, count: total }: DecodeWork,
  count: number,
  onPicked: (count: number) => void,
): Promise<{ picked: Picked[]; leftOut: LeftOutList; vanished: number }> {
  const turns = newTurns();
  await Promise.all(workers.map((worker) => worker.ask({ kind: 'use', source, settings, limits, turns })));
  const next = spread(total);
  const picked: Picked[] = [];
  const leftOut = new LeftOutList();
  let vanished = 0;
  for (let tried = 0; tried < total && picked.length < count;) {
    // More at a time the more of them are broken.
    const most = Math.min(total - tried, tried === 0 ? count : Math.min(tried, MOST_AT_ONCE));
    const indices = Array.from({ length: most }, next);
    for (const [at, decoded] of (await decodeEach(workers, indices)).entries()) {
      leftOut.append(decoded.leftOut, decoded.leftOutCount);
      vanished += decoded.vanished;
      const [width, height] = decoded.sizes;
      if (width === undefined || height === undefined || picked.length === count) continue;
      picked.push({ index: indices[at]!, pixels: decoded.pixels, width, height });
    }
    tried += most;
    onPicked(picked.length);
  }
  await Promise.all(workers.map((worker) => worker.ask({ kind: 'rest' })));
  picked.sort((a, b) => a.index - b.index);
  leftOut.listed.sort((a, b) => (a.file < b.file ? -1 : 1));
  return { picked, leftOut, vanished };
}

/**
 * Gives the indices below `total` one after the other, in an order of which every beginning is spread evenly: the bits of a counter,
 * read backwards (van der Corput's sequence).
 */
function spread(total: number): () => number {
  const bits = Math.ceil(Math.log2(total));
  let counter = 0;
  return () => {
    for (;;) {
      let index = 0;
      for (let bit = 0; bit < bits; bit++) index = index * 2 + ((counter >> bit) & 1);
      counter++;
      if (index < total) return index;
    }
  };
}

async function decodeEach(
  workers: readonly DecodeWorker[],
  indices: readonly number[],
): Promise<DecodedImages[]> {
  const decoded: DecodedImages[] = [];
  let next = 0;
  const lane = async (worker: DecodeWorker): Promise<void> => {
    for (let at = next++; at < indices.length; at = next++) {
      const first = indices[at]!;
      decoded[at] = await worker.ask({ kind: 'decode', first, end: first + 1 });
    }
  };
  // Two requests a worker, so that it need not wait for the next one.
  await Promise.all([...workers, ...workers].map(lane));
  return decoded;
}
