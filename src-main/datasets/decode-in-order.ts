import type { ImageSettings } from '../../src-shared/dataset.ts';
import type { DecodeWorker } from './decode-workers.ts';
import type { Limits } from './limits.ts';
import type { DecodedImages, ImageSource } from './worker-messages.ts';

const MOST_IMAGES = 256;
const MOST_BYTES = 4 * 2 ** 20;

export interface DecodeWork {
  source: ImageSource;
  settings: ImageSettings;
  limits: Limits;
  count: number;
}

export interface DecodedPart {
  first: number;
  end: number;
  decoded: DecodedImages;
}

/**
 * Has the workers decode all images, part by part, and yields the parts in order. At most a few parts a worker are
 * under way at once, so memory stays bounded however large the dataset is.
 */
export async function* decodeInOrder(
  workers: readonly DecodeWorker[],
  work: DecodeWork,
): AsyncGenerator<DecodedPart> {
  const { source, settings, limits } = work;
  await Promise.all(workers.map((worker) => worker.ask({ kind: 'use', source, settings, limits })));
  const underWay: { first: number; end: number; answer: Promise<DecodedImages> }[] = [];
  const next = async (): Promise<DecodedPart> => {
    const { first, end, answer } = underWay.shift()!;
    return { first, end, decoded: await answer };
  };
  for (let first = 0; first < work.count;) {
    const end = endOfPart(work, first);
    const worker = workers.reduce((least, other) => (other.load < least.load ? other : least));
    const answer = worker.ask({ kind: 'decode', first, end });
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
