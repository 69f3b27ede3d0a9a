/** Images one after the other, as an animated picture that goes round for ever. */
import sharp from 'sharp';
import type { Shape } from '../../src-shared/gan/block.ts';
import type { AnimationFormat } from '../../src-shared/trainer-protocol.ts';

/** Animations of smaller images are enlarged to at least this many pixels along their longer side: they are seen outside of Ganvas, too. */
const leastSide = 256;

/** By what whole number the sides of images are multiplied, each pixel becoming a square. */
export function enlargement({ height, width }: Shape): number {
  return Math.ceil(leastSide / Math.max(height, width));
}

/**
 * Milliseconds that each frame is shown, rounded so that the whole keeps its time. A GIF counts hundredths of a second, and what is shorter than
 * two of them is shown slower by every browser: more than 50 frames a second become 50.
 */
export function delays(frames: number, framesPerSecond: number, format: AnimationFormat): number[] {
  const unit = format === 'gif' ? 10 : 1;
  const each = Math.max(1000 / framesPerSecond, format === 'gif' ? 20 : 0) / unit;
  return Array.from({ length: frames }, (_, i) => (Math.round((i + 1) * each) - Math.round(i * each)) * unit);
}

/**
 * The bytes of the file. WebP keeps every pixel; GIF has 256 colours a frame.
 * @param frames bytes, [count, height, width, channels]
 */
export function encodeAnimation(
  frames: Uint8Array,
  count: number,
  image: Shape,
  framesPerSecond: number,
  format: AnimationFormat,
): Promise<Buffer> {
  const { height, width } = image;
  const channels = image.channels as 1 | 2 | 3 | 4;
  const times = enlargement(image);
  const timing = { delay: delays(count, framesPerSecond, format), loop: 0 };
  const animation = sharp(frames, {
    animated: true,
    raw: { width, height: count * height, channels, pageHeight: height },
    limitInputPixels: false,
  }).resize(width * times, height * times, { kernel: 'nearest' });
  const encoded =
    format === 'gif'
      ? // Dither would put dots into the enlarged pixels; more effort takes three times as long for nothing.
        animation.gif({ ...timing, dither: 0, effort: 1 })
      : // More effort takes twenty times as long for two thirds of the size.
        animation.webp({ ...timing, lossless: true, effort: 0 });
  return encoded.toBuffer();
}
