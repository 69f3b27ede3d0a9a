/** Draws the app's icon (icon.svg) in every size and form that the systems want, to `dist/icons`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';

const folder = join(import.meta.dirname, '..', 'dist', 'icons');
const source = join(import.meta.dirname, 'icon.svg');

/** @param pixels width and height @returns a PNG file */
function draw(pixels: number): Promise<Buffer> {
  // Drawn at its size, not shrunk: 72 dots an inch are the 1024 units of the drawing.
  return sharp(source, { density: (72 * pixels) / 1024 })
    .resize(pixels, pixels)
    .png()
    .toBuffer();
}

/** Windows' icon file, with PNG files inside (Windows Vista and later). */
async function ico(sizes: readonly number[]): Promise<Buffer> {
  const images = await Promise.all(sizes.map(draw));
  const header = Buffer.alloc(6 + 16 * sizes.length);
  header.writeUInt16LE(1, 2);
  header.writeUInt16LE(sizes.length, 4);
  let offset = header.length;
  sizes.forEach((size, i) => {
    const entry = 6 + 16 * i;
    // 256 is written as 0.
    header.writeUInt8(size % 256, entry);
    header.writeUInt8(size % 256, entry + 1);
    header.writeUInt16LE(1, entry + 4);
    header.writeUInt16LE(32, entry + 6);
    header.writeUInt32LE(images[i]!.length, entry + 8);
    header.writeUInt32LE(offset, entry + 12);
    offset += images[i]!.length;
  });
  return Buffer.concat([header, ...images]);
}

/** macOS' icon file, with PNG files inside. @param types its names for images, with their pixels */
async function icns(types: Readonly<Record<string, number>>): Promise<Buffer> {
  const chunk = (type: string, content: Buffer) => {
    const header = Buffer.alloc(8);
    header.write(type, 'latin1');
    header.writeUInt32BE(8 + content.length, 4);
    return Buffer.concat([header, content]);
  };
  const images = await Promise.all(
    Object.entries(types).map(async ([type, pixels]) => chunk(type, await draw(pixels))),
  );
  return chunk('icns', Buffer.concat(images));
}

/** Linux takes a folder of PNG files that are named by their sizes. */
const pngSizes = [16, 24, 32, 48, 64, 128, 256, 512, 1024];

mkdirSync(join(folder, 'png'), { recursive: true });
for (const size of pngSizes) writeFileSync(join(folder, 'png', `${size}x${size}.png`), await draw(size));
writeFileSync(join(folder, 'icon.ico'), await ico([16, 24, 32, 48, 64, 128, 256]));
// ic11 to ic14 are 16, 32, 128 and 256 points on a screen of twice the density.
const macTypes = { ic07: 128, ic08: 256, ic09: 512, ic10: 1024, ic11: 32, ic12: 64, ic13: 256, ic14: 512 };
writeFileSync(join(folder, 'icon.icns'), await icns(macTypes));
