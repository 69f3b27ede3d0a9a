import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';

/** A PNG of a disc; each index has another hue and radius. */
export function disc(index: number, width: number, height: number): Promise<Buffer> {
  const hue = (index * 15) % 360;
  const side = Math.min(width, height);
  const radius = side / 5 + ((index % 8) * side) / 40;
  const svg = `<svg width="${width}" height="${height}"><rect width="100%" height="100%" fill="hsl(${hue} 70% 80%)"/><circle cx="50%" cy="50%" r="${radius}" fill="hsl(${hue} 80% 40%)"/></svg>`;
  return sharp(Buffer.from(svg)).png().toBuffer();
}

/** Writes so many discs into a folder, which is made if need be. */
export async function writeDiscs(
  folder: string,
  count: number,
  width: number,
  height: number,
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (let i = 0; i < count; i += 1)
    writeFileSync(join(folder, `disc ${i}.png`), await disc(i, width, height));
}
