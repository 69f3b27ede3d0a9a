import {
  above,
  below,
  type Canvas,
  circle,
  type Colour,
  curve,
  ellipse,
  line,
  mix,
  roundBox,
  type Shape,
  union,
} from './paint.ts';
import { DARK, type Head, MOUTH_RED, WHITE } from './head.ts';
import type { Random } from './random.ts';

export type Mood = 'smiling' | 'surprised' | 'sleepy';

const SKINS: readonly Colour[] = [
  [255, 221, 190],
  [247, 203, 164],
  [228, 172, 128],
  [198, 136, 92],
  [152, 98, 66],
  [112, 72, 50],
];
const HAIRS: readonly Colour[] = [
  [48, 36, 34],
  [98, 58, 36],
  [158, 92, 46],
  [232, 184, 88],
  [206, 84, 52],
  [232, 120, 168],
  [92, 108, 200],
];
const HATS: readonly Colour[] = [
  [226, 74, 74],
  [64, 132, 214],
  [250, 190, 60],
  [86, 170, 110],
];

/** How far two colours are apart, 0 to 765: hair must not melt into the face. */
const contrast = (a: Colour, b: Colour): number =>
  Math.abs(a[0] - b[0]) + Math.abs(a[1] - b[1]) + Math.abs(a[2] - b[2]);

/** A person: one of three moods, with skin, hair or hat, and cheeks that vary. */
export function paintPerson(canvas: Canvas, mood: Mood, head: Head, random: Random): void {
  const { x, y, scale: s } = head;
  const skin = random.pick(SKINS);
  const hair = random.pick(HAIRS.filter((colour) => contrast(colour, skin) > 110));
  const style = random.pick(['short', 'bob', 'bun', 'curls', 'hat'] as const);
  const wide = random.between(0.59, 0.64) * (style === 'bob' ? 0.94 : 1) * s;
  const tall = random.between(0.66, 0.72) * s;
  const face = ellipse(x, y + 0.06 * s, wide, tall);
  const hairline = ellipse(x, y + 0.06 * s, wide + 0.05 * s, tall + 0.05 * s);

  paintBackHair(canvas, style, hair, head);
  const ear = mix(skin, [200, 90, 70], 0.12);
  if (style !== 'bob') {
    canvas.fill(circle(x - wide, y + 0.1 * s, 0.13 * s), ear);
    canvas.fill(circle(x + wide, y + 0.1 * s, 0.13 * s), ear);
  }
  canvas.fill(face, skin);
  canvas.fill(ellipse(x - 0.38 * s, y + 0.3 * s, 0.15 * s, 0.1 * s), [255, 106, 106], 0.42);
  canvas.fill(ellipse(x + 0.38 * s, y + 0.3 * s, 0.15 * s, 0.1 * s), [255, 106, 106], 0.42);
  paintFrontHair(canvas, style, hair, random.pick(HATS), head, hairline);
  paintEyes(canvas, mood, head);
  paintMouth(canvas, mood, head);
}

type Style = 'short' | 'bob' | 'bun' | 'curls' | 'hat';

function paintBackHair(canvas: Canvas, style: Style, hair: Colour, { x, y, scale: s }: Head): void {
  if (style === 'bob') {
    canvas.fill(ellipse(x, y - 0.1 * s, 0.74 * s, 0.68 * s), hair);
    canvas.fill(roundBox(x, y + 0.2 * s, 0.74 * s, 0.44 * s, 0.2 * s), hair);
  }
  if (style === 'bun') {
    canvas.fill(circle(x, y - 0.72 * s, 0.24 * s), hair);
    canvas.fill(ellipse(x, y - 0.1 * s, 0.7 * s, 0.66 * s), hair);
  }
  if (style === 'curls') {
    const around = [-1.1, -0.66, -0.22, 0.22, 0.66, 1.1].map((angle) =>
      circle(x + Math.sin(angle) * 0.66 * s, y - 0.04 * s - Math.cos(angle) * 0.6 * s, 0.27 * s),
    );
    canvas.fill(union(...around), hair);
  }
  if (style === 'short') canvas.fill(ellipse(x, y - 0.14 * s, 0.68 * s, 0.64 * s), hair);
}

function paintFrontHair(
  canvas: Canvas,
  style: Style,
  hair: Colour,
  hat: Colour,
  head: Head,
  hairline: Shape,
): void {
  const { x, y, scale: s } = head;
  if (style === 'hat') {
    canvas.fill(above(ellipse(x, y - 0.2 * s, 0.68 * s, 0.62 * s), y - 0.24 * s), hat);
    canvas.fill(roundBox(x, y - 0.26 * s, 0.72 * s, 0.1 * s, 0.1 * s), mix(hat, WHITE, 0.55));
    canvas.fill(circle(x, y - 0.84 * s, 0.14 * s), mix(hat, WHITE, 0.55));
    return;
  }
  const fringe =
    style === 'short'
      ? ellipse(x - 0.16 * s, y - 0.58 * s, 0.66 * s, 0.3 * s)
      : ellipse(x, y - 0.58 * s, 0.62 * s, 0.28 * s);
  canvas.fill(fringe, hair, 1, hairline);
}

function paintEyes(canvas: Canvas, mood: Mood, { x, y, scale: s }: Head): void {
  for (const side of [-1, 1]) {
    const [ex, ey] = [x + side * 0.25 * s, y + 0.06 * s];
    if (mood === 'sleepy') {
      canvas.fill(curve(ex, ey + 0.02 * s, 0.13 * s, 0.09 * s, 0.04 * s), DARK);
    } else if (mood === 'surprised') {
      canvas.fill(circle(ex, ey, 0.18 * s), WHITE);
      canvas.fill(circle(ex, ey, 0.1 * s), DARK);
      canvas.fill(line(ex - 0.1 * s, ey - 0.28 * s, ex + 0.1 * s, ey - 0.28 * s, 0.03 * s), DARK);
    } else {
      canvas.fill(ellipse(ex, ey, 0.1 * s, 0.13 * s), DARK);
      canvas.fill(circle(ex + 0.03 * s, ey - 0.05 * s, 0.04 * s), WHITE);
    }
  }
}

function paintMouth(canvas: Canvas, mood: Mood, { x, y, scale: s }: Head): void {
  if (mood === 'surprised') {
    canvas.fill(ellipse(x, y + 0.47 * s, 0.12 * s, 0.15 * s), MOUTH_RED);
  } else if (mood === 'sleepy') {
    canvas.fill(ellipse(x, y + 0.42 * s, 0.09 * s, 0.06 * s), MOUTH_RED);
  } else {
    const lower = below(ellipse(x, y + 0.34 * s, 0.28 * s, 0.24 * s), y + 0.36 * s);
    canvas.fill(lower, MOUTH_RED);
    canvas.fill(roundBox(x, y + 0.39 * s, 0.2 * s, 0.035 * s, 0.03 * s), WHITE, 1, lower);
  }
}
