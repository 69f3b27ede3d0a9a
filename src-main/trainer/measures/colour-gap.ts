/** How far the colours of two sets of images are apart, over all: what the sliced Wasserstein distance cannot see. */
import type { Images } from './images.ts';

function momentsOf({ shape: { channels }, bytes }: Images): { mean: number; deviation: number }[] {
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  for (let i = 0; i < bytes.length; i += 1) {
    const value = bytes[i]!;
    sums[i % channels]! += value;
    squares[i % channels]! += value * value;
  }
  const values = bytes.length / channels;
  return Array.from(sums, (sum, c) => {
    const mean = sum / values;
    return { mean, deviation: Math.sqrt(Math.max(0, squares[c]! / values - mean ** 2)) };
  });
}

/**
 * For each channel, in grey levels of 0 to 255: the square root of the squared differences of mean and of standard deviation, which is the
 * 2-Wasserstein distance of two normal distributions with these moments.
 */
export function colourGaps(a: Images, b: Images): number[] {
  const others = momentsOf(b);
  return momentsOf(a).map(({ mean, deviation }, c) =>
    Math.hypot(mean - others[c]!.mean, deviation - others[c]!.deviation),
  );
}
