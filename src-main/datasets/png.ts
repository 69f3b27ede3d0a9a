import type { ImageSettings } from '../../src-shared/dataset.ts';

/**
 * A prepared image as PNG, pixel for pixel: grey, grey with alpha, RGB or RGBA.
 * @param pixels height x width x channels bytes
 */
export async function encodePng(
  pixels: Uint8Array,
  { width, height, channels }: ImageSettings,
): Promise<Uint8Array> {
  // Loaded only now: it takes a tenth of a second, which whoever looks at no picture need not wait for.
  const { default: sharp } = await import('sharp');
  return sharp(pixels, { raw: { width, height, channels } })
    .toColourspace(channels < 3 ? 'b-w' : 'srgb')
    .png()
    .toBuffer();
}
