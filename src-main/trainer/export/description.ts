/** What an exported generator says about itself. */
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import type { TrainedGenerator } from './trained-generator.ts';

const Package = v.object({ version: v.string() });

/** The version of Ganvas that runs. */
export async function ganvasVersion(): Promise<string> {
  const text = await readFile(new URL('../../../package.json', import.meta.url), 'utf8');
  return v.parse(Package, JSON.parse(text)).version;
}

const channelNames: Record<number, string> = {
  1: 'grey',
  2: 'grey, alpha',
  3: 'red, green, blue',
  4: 'red, green, blue, alpha',
};

export const latentMeaning = 'independent standard normal numbers';
export const imageMeaning = '-1 is black, 1 is white; 8-bit value = round((x + 1) * 127.5)';

export function weightsMeaning({ info }: TrainedGenerator): string {
  return info.hyperparameters.ema.halfLifeKimg === null ? 'of the last step' : 'averaged over the steps';
}

/**
 * Name and text of each fact, for formats that have room for such.
 * @param channels where they stand in an image
 */
export async function describe(
  generator: TrainedGenerator,
  channels: 'first' | 'last',
): Promise<Record<string, string>> {
  const { info, network, image } = generator;
  const { height, width } = image;
  const sides = channels === 'first' ? [image.channels, height, width] : [height, width, image.channels];
  return {
    ganvas_version: await ganvasVersion(),
    design: info.design.name,
    step: String(info.step),
    images_seen: String(info.imagesSeen),
    weights: weightsMeaning(generator),
    input: `z [N, ${network.latentDim}]: ${latentMeaning}`,
    output: `image [N, ${sides.join(', ')}] (${channelNames[image.channels]}): ${imageMeaning}`,
  };
}
