import { describe, expect, test } from 'vitest';
import sharp from 'sharp';
import type { ImageSettings } from '../../src-shared/dataset.ts';
import {
  decodeOne,
  difference,
  imageOf,
  picture,
  plain,
  prepare,
  settingsOf,
  temporaryFolder,
  writeFiles,
} from './fixtures.ts';

/** What every decoder should come near to: the picture, shrunk by sharp from its raw pixels. */
const expected = (width: number, height: number, size: number): Promise<Buffer> =>
  picture(width, height).resize(size, size, { fit: 'cover', kernel: 'lanczos3' }).raw().toBuffer();

/** A BMP as old programs write it: 24 bits, rows from below, each filled up to four bytes. */
async function bmp(width: number, height: number): Promise<Buffer> {
  const pixels = await picture(width, height).raw().toBuffer();
  const stride = Math.ceil((width * 3) / 4) * 4;
  const file = Buffer.alloc(54 + stride * height);
  file.write('BM');
  file.writeUInt32LE(file.length, 2);
  file.writeUInt32LE(54, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(width, 18);
  file.writeInt32LE(height, 22);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(24, 28);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * 3;
      const to = 54 + (height - 1 - y) * stride + x * 3;
      for (let c = 0; c < 3; c++) file[to + c] = pixels[from + 2 - c]!;
    }
  }
  return file;
}

describe('formats', () => {
  const encoders: Record<string, (width: number, height: number) => Promise<Buffer>> = {
    png: (w, h) => picture(w, h).png().toBuffer(),
    'png with a palette': (w, h) => picture(w, h).png({ palette: true, colours: 256, dither: 0 }).toBuffer(),
    'png of 16 bits': (w, h) => picture(w, h).toColourspace('rgb16').png().toBuffer(),
    jpeg: (w, h) => picture(w, h).jpeg({ quality: 95 }).toBuffer(),
    'progressive jpeg': (w, h) => picture(w, h).jpeg({ quality: 95, progressive: true }).toBuffer(),
    'jpeg without subsampling': (w, h) =>
      picture(w, h).jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer(),
    webp: (w, h) => picture(w, h).webp({ quality: 95 }).toBuffer(),
    'lossless webp': (w, h) => picture(w, h).webp({ lossless: true }).toBuffer(),
    gif: (w, h) => picture(w, h).gif({ dither: 0 }).toBuffer(),
    tiff: (w, h) => picture(w, h).tiff({ compression: 'lzw' }).toBuffer(),
    avif: (w, h) => picture(w, h).avif({ quality: 90, effort: 0 }).toBuffer(),
    bmp,
  };

  // Small and the network's size, small and shrunk, enlarged, large, and large enough to be shrunk while it is decoded.
  const sizes: readonly [number, number, number][] = [
    [32, 32, 32],
    [90, 60, 32],
    [800, 600, 64],
  ];
  test.each(sizes)('all of them, of %ix%i to %i', async (width, height, size) => {
    const folder = temporaryFolder();
    const names = Object.keys(encoders).sort();
    for (const name of names) writeFiles(folder, { [name]: await encoders[name]!(width, height) });
    const dataset = await prepare(folder, settingsOf(size));
    expect(dataset.leftOut).toEqual([]);
    const reference = await expected(width, height, size);
    for (const [index, name] of names.entries()) {
      const tolerance = name.includes('palette') || name === 'gif' ? 8 : 2;
      expect(difference(await imageOf(dataset, index), reference), name).toBeLessThan(tolerance);
    }
  });

  test('decoders agree: the same picture as PNG by the light one, as TIFF by sharp', async () => {
    const light = await decodeOne(await picture(120, 90).png().toBuffer(), settingsOf(32));
    const heavy = await decodeOne(
      await picture(120, 90).tiff({ compression: 'lzw' }).toBuffer(),
      settingsOf(32),
    );
    expect(difference(light, heavy)).toBeLessThan(1);
  });

  test.each([60, 90, 95, 100])(
    'a small JPEG of quality %i is as sharp decodes it, nearly',
    async (quality) => {
      for (const coloured of [picture(33, 31), picture(33, 31).greyscale()]) {
        const file = await coloured.jpeg({ quality }).toBuffer();
        const exact = await sharp(file).toColourspace('srgb').raw().toBuffer();
        const settings: ImageSettings = { height: 31, width: 33, channels: 3, fit: 'crop' };
        const pixels = await decodeOne(file, settings);
        expect(difference(pixels, exact)).toBeLessThan(1.5);
        expect(Math.max(...pixels.map((value, i) => Math.abs(value - exact[i]!)))).toBeLessThan(9);
      }
    },
  );

  test('a small JPEG that the light decoder doubts goes to sharp, which knows what to overlook', async () => {
    const file = await picture(40, 40).jpeg().toBuffer();
    const end = file.length - 2;
    const strange = Buffer.concat([file.subarray(0, end), Buffer.alloc(40, 7), file.subarray(end)]);
    const pixels = await decodeOne(strange, settingsOf(40));
    expect(difference(pixels, await decodeOne(file, settingsOf(40)))).toBeLessThan(1.5);
  });

  test('enlarging gives nearly the same pixels whichever decoder read the file', async () => {
    const light = await decodeOne(await picture(20, 14).png().toBuffer(), settingsOf(32));
    const heavy = await decodeOne(
      await picture(20, 14).tiff({ compression: 'lzw' }).toBuffer(),
      settingsOf(32),
    );
    expect(difference(light, heavy)).toBeLessThan(1);
    expect(difference(light, await expected(20, 14, 32))).toBeLessThan(8);
  });

  test('EXIF orientations are applied', async () => {
    const folder = temporaryFolder();
    const references: Buffer[] = [];
    for (let orientation = 1; orientation <= 8; orientation++) {
      const turned = await picture(60, 40).jpeg({ quality: 95 }).withMetadata({ orientation }).toBuffer();
      writeFiles(folder, { [`${orientation}.jpg`]: turned });
      references.push(await sharp(turned).autoOrient().resize(24, 24, { fit: 'fill' }).raw().toBuffer());
    }
    const dataset = await prepare(folder, settingsOf(24, 3, 'stretch'));
    for (const [index, reference] of references.entries()) {
      expect(difference(await imageOf(dataset, index), reference), `${index + 1}`).toBeLessThan(2);
    }
    expect(new Set(references.map(String)).size).toBe(8);
    expect(dataset.sizes).toEqual([
      [40, 60, 4],
      [60, 40, 4],
    ]);
  });

  test('a CMYK JPEG has its colours', async () => {
    const cmyk = await plain(40, 40, '#d03020').toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer();
    expect((await sharp(cmyk).metadata()).space).toBe('cmyk');
    const [r, g, b] = await decodeOne(cmyk, settingsOf(8));
    expect(r).toBeGreaterThan(150);
    expect(g).toBeLessThan(90);
    expect(b).toBeLessThan(90);
  });

  test('16-bit grey keeps its brightness', async () => {
    const raw = Buffer.from([0, 64, 128, 255]);
    const grey = sharp(raw, { raw: { width: 4, height: 1, channels: 1 } }).toColourspace('grey16');
    const settings: ImageSettings = { height: 1, width: 4, channels: 1, fit: 'crop' };
    expect([...(await decodeOne(await grey.png().toBuffer(), settings))]).toEqual([0, 64, 128, 255]);
  });

  test('an animated GIF gives its first frame', async () => {
    const frames = await Promise.all(['#ff0000', '#0000ff'].map((c) => plain(16, 16, c).png().toBuffer()));
    const gif = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer();
    expect((await sharp(gif).metadata()).pages).toBe(2);
    expect([...(await decodeOne(gif, settingsOf(8))).subarray(0, 3)]).toEqual([255, 0, 0]);
  });

  test('content decides, not the name', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, {
      'photo.txt': await plain(8, 8, '#00ff00').png().toBuffer(),
      'fake.png': 'not a picture at all',
    });
    const dataset = await prepare(folder);
    expect(dataset.count).toBe(1);
    expect(dataset.leftOut).toMatchObject([{ file: 'fake.png', code: 'not-an-image' }]);
  });
});

describe('channels', () => {
  const halfRed = (): Promise<Buffer> =>
    sharp({ create: { width: 8, height: 8, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0.5 } } })
      .png()
      .toBuffer();
  const greyAlpha = (): Promise<Buffer> =>
    sharp(Buffer.alloc(128, Buffer.from([100, 51])), { raw: { width: 8, height: 8, channels: 2 } })
      .toColourspace('b-w')
      .png()
      .toBuffer();

  test.each([8, 4, 12])(
    'transparency is composited on white without alpha, and kept with it (size %i)',
    async (size) => {
      const near = async (channels: 1 | 2 | 3 | 4, wanted: number[], file: Buffer): Promise<void> => {
        const found = [...(await decodeOne(file, settingsOf(size, channels))).subarray(0, channels)];
        found.forEach((value, i) => expect(Math.abs(value - wanted[i]!)).toBeLessThanOrEqual(2));
      };
      await near(3, [255, 127, 127], await halfRed());
      await near(1, [165], await halfRed());
      await near(4, [255, 0, 0, 128], await halfRed());
      await near(2, [76, 128], await halfRed());
      await near(3, [224, 224, 224], await greyAlpha());
      await near(2, [100, 51], await greyAlpha());
    },
  );

  test('an opaque image gets a full alpha', async () => {
    const pixels = await decodeOne(await plain(8, 8, '#102030').png().toBuffer(), settingsOf(8, 4));
    expect([...pixels.subarray(0, 4)]).toEqual([16, 32, 48, 255]);
  });

  test('grey is Rec. 601 luma, and grey files become colour', async () => {
    const green = await decodeOne(await plain(8, 8, '#00ff00').png().toBuffer(), settingsOf(8, 1));
    expect(green[0]).toBe(150);
    const grey = await picture(30, 30).greyscale().jpeg().toBuffer();
    const pixels = await decodeOne(grey, settingsOf(16, 3));
    expect(pixels[0]).toBe(pixels[1]);
    expect(pixels[1]).toBe(pixels[2]);
  });
});

describe('fit', () => {
  /** Red, green and blue thirds, side by side. */
  const thirds = async (scale: number): Promise<Buffer> => {
    const parts = await Promise.all(
      ['#ff0000', '#00ff00', '#0000ff'].map((c) =>
        plain(8 * scale, 8 * scale, c)
          .png()
          .toBuffer(),
      ),
    );
    return sharp({ create: { width: 24 * scale, height: 8 * scale, channels: 3, background: '#000' } })
      .composite(parts.map((input, i) => ({ input, left: 8 * scale * i, top: 0 })))
      .removeAlpha()
      .png()
      .toBuffer();
  };
  const at = (pixels: Uint8Array, x: number, y: number): number[] => [
    ...pixels.subarray((y * 24 + x) * 3, (y * 24 + x) * 3 + 3),
  ];

  // 1: no resampling needed for pad; 3: light decoder; 40: sharp.
  test.each([1, 3, 40])(
    'crop takes the centre, pad adds black, stretch distorts (scale %i)',
    async (scale) => {
      const file = await thirds(scale);
      const crop = await decodeOne(file, settingsOf(24, 3, 'crop'));
      for (const x of [0, 12, 23]) expect(at(crop, x, 12)[1]).toBeGreaterThan(200);
      const pad = await decodeOne(file, settingsOf(24, 3, 'pad'));
      expect(at(pad, 12, 2)).toEqual([0, 0, 0]);
      expect(at(pad, 12, 22)).toEqual([0, 0, 0]);
      expect(at(pad, 3, 12)[0]).toBeGreaterThan(240);
      expect(at(pad, 20, 12)[2]).toBeGreaterThan(240);
      const stretch = await decodeOne(file, settingsOf(24, 3, 'stretch'));
      expect(at(stretch, 3, 1)[0]).toBeGreaterThan(240);
      expect(at(stretch, 20, 22)[2]).toBeGreaterThan(240);
    },
  );

  test.each([4, 800])(
    'borders of a transparent image are what it is composited on (width %i)',
    async (width) => {
      const clear = { r: 0, g: 0, b: 0, alpha: 0 };
      const file = await sharp({ create: { width, height: width / 2, channels: 4, background: clear } })
        .png()
        .toBuffer();
      expect([...new Set(await decodeOne(file, settingsOf(24, 3, 'pad')))]).toEqual([255]);
      expect([...new Set(await decodeOne(file, settingsOf(24, 4, 'pad')))]).toEqual([0]);
    },
  );

  test('sizes other than square', async () => {
    const settings: ImageSettings = { height: 6, width: 20, channels: 3, fit: 'crop' };
    expect(await decodeOne(await picture(40, 40).png().toBuffer(), settings)).toHaveLength(6 * 20 * 3);
    expect(await decodeOne(await picture(1, 500).png().toBuffer(), settings)).toHaveLength(6 * 20 * 3);
  });
});
