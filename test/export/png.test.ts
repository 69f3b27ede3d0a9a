import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { exportGenerator } from '../../src-main/trainer/export/export.ts';
import { latents, Sampler } from '../../src-main/trainer/sampler.ts';
import { denseBlock } from '../../src-shared/gan/block.ts';
import { trainedCheckpoint } from './designs.ts';
import { engine, temporaryFolder } from './trained.ts';

/** Colour type (PNG specification, 11.2.2) for 1 to 4 channels: grey, grey and alpha, colour, colour and alpha. */
const colourTypes = [0, 4, 2, 6];

test.each([1, 2, 3, 4])('a grid of 64 images of %i channels', async (channels) => {
  const discriminator = {
    image: { height: 3, width: 5, channels },
    blocks: [denseBlock({ id: 'b1', outFeatures: 1 })],
  };
  const checkpoint = trainedCheckpoint({ name: 'flat', latentDim: 4, discriminator });
  const file = join(temporaryFolder(), 'grid.png');
  const { difference, bytes } = await exportGenerator('png', file, checkpoint, engine);
  expect(difference).toBeLessThan(1 / 255 + 1e-6);
  const header = readFileSync(file);
  expect(bytes).toBe(header.length);
  expect([header.readUInt32BE(16), header.readUInt32BE(20), header[24], header[25]]).toEqual(
    [40, 24, 8, colourTypes[channels - 1]], // width, height, bits, colour type
  );
  const sampler = await Sampler.create(engine, checkpoint.info.design);
  const images = await sampler.images(
    await sampler.weights(checkpoint.state),
    latents(checkpoint.info.seed, 64, 4),
  );
  await sampler.dispose();
  const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
  // The image in row 2 and column 6, its last row, its third column.
  const pixel = ((2 * 8 + 6) * 15 + 2 * 5 + 2) * channels;
  const place = ((2 * 3 + 2) * 40 + 6 * 5 + 2) * info.channels;
  const decoded = [...data.subarray(place, place + info.channels)];
  const visible = channels === 1 ? decoded.slice(0, 1) : channels === 2 ? [decoded[0], decoded[3]] : decoded;
  const wanted = [...images.subarray(pixel, pixel + channels)].map((value) =>
    Math.round((value + 1) * 127.5),
  );
  expect(visible).toEqual(wanted);
  expect(new Set(data).size).toBeGreaterThan(50);
});
