/** What norms do to channels, whoever computes them. */
import type { NormName } from './block.ts';

export const normWords: Record<NormName, string> = {
  none: 'none',
  batch: 'batch norm',
  layer: 'layer norm',
  group: 'group norm',
  instance: 'instance norm',
  pixel: 'pixel norm',
};

/** For a line with little room. */
export const normShort: Record<Exclude<NormName, 'none'>, string> = {
  batch: 'BN',
  layer: 'LN',
  group: 'GN',
  instance: 'IN',
  pixel: 'PN',
};

/** Fewest channels that group norm takes together, and most groups that it makes (Wu and He use 32). */
const fewestInGroup = 4;
const mostGroups = 32;

/**
 * How many groups of channels are normalised by themselves, image by image; null for norms that do otherwise.
 * Group norm takes the most groups that divide the channels evenly, at most 32, of at least 4 channels each.
 */
export function groupsOf(norm: NormName, channels: number): number | null {
  switch (norm) {
    case 'layer':
      return 1;
    case 'instance':
      return channels;
    case 'group': {
      let groups = Math.max(1, Math.min(mostGroups, Math.floor(channels / fewestInGroup)));
      while (channels % groups !== 0) groups -= 1;
      return groups;
    }
    default:
      return null;
  }
}

/** Whether it learns a scale and a shift for each channel. */
export function isAffine(norm: NormName): boolean {
  return norm !== 'none' && norm !== 'pixel';
}

/** Whether it takes away the mean of each channel, and with it whatever a bias adds. */
export function centresChannels(norm: NormName): boolean {
  return norm === 'batch' || norm === 'instance';
}

/** Numbers that are normalised together in one image: a single one would always become zero. */
export function normalisedTogether(norm: NormName, pixels: number, channels: number): number {
  const groups = groupsOf(norm, channels);
  return groups === null ? Infinity : (pixels * channels) / groups;
}
