import type { ImageSettings } from '../../src-shared/dataset.ts';
import type { DecodeWorker } from './decode-workers.ts';
import type { Limits } from './limits.ts';
import { newTurns } from './turns.ts';
import type { DecodedImages, ImageSource } from './worker-messages.ts';

const MOST_IMAGES = 256;
const MOST_BYTES = 4 * 2 ** 20;

export interface DecodeWork {
  source: ImageSource;
  settings: ImageSettings;
  limits: Limits;
  count: number;
}

interface Part {
  first: number;
  end: number;
}

/** Has the workers decode all images, part by part, and yields the parts in order. */
export const decodeInOrder = (
  workers: readonly DecodeWorker[],
  work: DecodeWork,
): AsyncGenerator<Part & { answer: DecodedImages }> =>
  inOrder(workers, work, (worker, part) => worker.ask({ kind: 'decode', ...part }));

/** Has the workers read a folder's files without decoding them, and yields the digests of the files in order. */
export const digestInOrder = (
  workers: readonly DecodeWorker[],
  work: DecodeWork,
): AsyncGenerator<Part & { answer: Uint8Array }> =>
  inOrder(workers, work, (worker, part) => worker.ask({ kind: 'digest', ...part }));

/** At most a few parts a worker are under way at once, so memory stays bounded however large the dataset is. */
async function* inOrder<T>(
  workers: readonly DecodeWorker[],
  work: DecodeWork,
  ask: (worker: DecodeWorker, part: Part) => Promise<T>,
): AsyncGenerator<Part & { answer: T }> {
  const { source, settings, limits } = work;
  const turns = newTurns();
  await Promise.all(workers.map((worker) => worker.ask({ kind: 'use', source, settings, limits, turns })));
  const underWay: (Part & { answer: Promise<T> })[] = [];
  const next = async (): Promise<Part & { answer: T }> => {
    const { first, end, answer } = underWay.shift()!;
    return { first, end, answer: await answer };
  };
  for (let first = 0; first < work.count;) {
    const end = endOfPart(work, first);
    const worker = workers.reduce((least, other) => (other.load < least.load ? other : least));
    const answer = ask(worker, { first, end });
    answer.catch(() => undefined);
    underWay.push({ first, end, answer });
    if (underWay.length >= workers.length * 3) yield await next();
    first = end;
  }
  while (underWay.length > 0) yield await next();
}

/** A part has many small files or few large ones, so that messages are rare and cancelling is quick. */
function endOfPart({ source, settings, count }: DecodeWork, first: number): number {
  const imageBytes = settings.height * settings.width * settings.channels;
  const sizes = 'files' in source ? source.files.sizes : null;
  let end = first;
  let bytes = 0;
  while (end < count && end - first < MOST_IMAGES && (end === first || bytes < MOST_BYTES)) {
    bytes += imageBytes + (sizes?.[end] ?? 0);
    end++;
  }
  return end;
}
