import type { ImageSettings } from '../../src-shared/dataset.ts';
import { presets } from '../../src-shared/gan/presets.ts';
import type { Picked } from './pick.ts';

/** Side of the drawn faces where no size is given: what trains in minutes. */
export const SAMPLE_SIZE = 32;

/**
 * With these settings images are looked at to find others: the largest that are suggested, so that large images, which take long, mostly
 * need not be decoded again.
 */
export const PROBE: ImageSettings = { height: 128, width: 128, channels: 3, fit: 'crop' };

/** JPEG moves the colours of a grey image that was stored as a colour image by a little. */
const STILL_GREY = 4;

/**
 * Settings for which there is a preset: the size of most of the images where it is one, else the power of two nearest to their shorter
 * side; grey when all of them are.
 * @param sizes `[width, height, count]`, the most frequent first
 * @param probed as `PROBE` has them
 */
export function suggestSettings(
  sizes: readonly [number, number, number][],
  probed: readonly Picked[],
): ImageSettings {
  const channels = probed.every(({ pixels }) => isGrey(pixels)) ? 1 : 3;
  const sides = presets
    .map(({ design }) => design.discriminator.image)
    .filter((image) => image.channels === channels && image.height === image.width)
    .map(({ height }) => height);
  const [width, height] = sizes[0] ?? [PROBE.width, PROBE.height];
  const shorter = Math.min(width, height);
  const isExact = width === height && sides.includes(shorter);
  const away = (side: number): number => Math.abs(Math.log2(side / shorter));
  const nearest = sides
    .filter((side) => Number.isInteger(Math.log2(side)))
    .reduce((best, side) => (away(side) < away(best) ? side : best));
  const side = isExact ? shorter : nearest;
  return { height: side, width: side, channels, fit: 'crop' };
}

/** @param pixels RGB */
function isGrey(pixels: Uint8Array): boolean {
  for (let at = 0; at < pixels.length; at += 3) {
    const [r, g, b] = [pixels[at]!, pixels[at + 1]!, pixels[at + 2]!];
    if (Math.max(r, g, b) - Math.min(r, g, b) > STILL_GREY) return false;
  }
  return true;
}
