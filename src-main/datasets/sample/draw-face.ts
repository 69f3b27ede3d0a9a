import { type Creature, paintCreature } from './creatures.ts';
import { Canvas, type Colour, mix } from './paint.ts';
import { type Mood, paintPerson } from './people.ts';
import { Random } from './random.ts';
import type { Head } from './head.ts';

/** Changes whenever the same seed would draw other pixels. */
export const SAMPLE_VERSION = 1;

/** Seed of the sample dataset that is used when none is given. */
export const SAMPLE_SEED = 1;

const PEOPLE: readonly Mood[] = ['smiling', 'surprised', 'sleepy'];
const CREATURES: readonly Creature[] = ['cat', 'bear', 'frog', 'robot', 'monster'];

/** What the faces show, one class a kind. */
export const SAMPLE_CLASSES: readonly string[] = [...PEOPLE, ...CREATURES];

/** Class (index into `SAMPLE_CLASSES`) of face number `index`: each comes equally often. */
export const sampleClassOf = (index: number): number => index % SAMPLE_CLASSES.length;

const BACKGROUNDS: readonly Colour[] = [
  [186, 222, 246],
  [252, 222, 178],
  [206, 234, 200],
  [236, 208, 238],
  [252, 206, 206],
  [204, 210, 244],
];

/**
 * Draws face number `index` of the sample dataset: size x size x 3 bytes, sRGB. The same index and seed always give the
 * same face, at any size. Heads are centred and large and backgrounds calm, so that a small network can learn them.
 */
export function drawSample(index: number, seed: number, size: number): Uint8Array {
  const random = new Random(seed, index);
  const canvas = new Canvas(size);
  const backdrop = random.pick(BACKGROUNDS);
  canvas.background(mix(backdrop, [255, 255, 255], 0.35), backdrop);
  const head: Head = {
    x: random.between(-0.04, 0.04),
    y: random.between(-0.01, 0.07),
    scale: random.between(0.96, 1.06),
  };
  const kind = sampleClassOf(index);
  const mood = PEOPLE[kind];
  if (mood === undefined) paintCreature(canvas, CREATURES[kind - PEOPLE.length]!, head, random);
  else paintPerson(canvas, mood, head, random);
  return canvas.toPixels();
}
