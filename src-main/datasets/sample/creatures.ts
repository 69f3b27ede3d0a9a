import { type Canvas, circle, type Colour, curve, ellipse, line, mix, roundBox, triangle } from './paint.ts';
import { DARK, type Head, MOUTH_RED, WHITE } from './head.ts';
import type { Random } from './random.ts';

export type Creature = 'cat' | 'bear' | 'frog' | 'robot' | 'monster';

/** Paints one of the creatures, in one of its colours. */
export function paintCreature(canvas: Canvas, kind: Creature, head: Head, random: Random): void {
  ({ cat: paintCat, bear: paintBear, frog: paintFrog, robot: paintRobot, monster: paintMonster })[kind](
    canvas,
    head,
    random,
  );
}

const SIDES = [-1, 1] as const;

const CATS: readonly Colour[] = [
  [244, 160, 72],
  [150, 152, 164],
  [250, 232, 206],
  [84, 78, 92],
];

function paintCat(canvas: Canvas, { x, y, scale: s }: Head, random: Random): void {
  const fur = random.pick(CATS);
  const eye = random.pick<Colour>([
    [120, 200, 90],
    [250, 206, 70],
    [110, 190, 230],
  ]);
  const isStriped = random.chance(0.5);
  for (const side of SIDES) {
    const [outer, inner] = [x + side * 0.66 * s, x + side * 0.14 * s];
    canvas.fill(
      triangle(outer, y - 0.05 * s, outer - side * 0.04 * s, y - 0.76 * s, inner, y - 0.46 * s, 0.06 * s),
      fur,
    );
    const ax = x + side * 0.56 * s;
    canvas.fill(
      triangle(ax, y - 0.2 * s, ax, y - 0.6 * s, x + side * 0.28 * s, y - 0.42 * s, 0.03 * s),
      [250, 160, 160],
    );
  }
  const face = ellipse(x, y + 0.12 * s, 0.76 * s, 0.64 * s);
  canvas.fill(face, fur);
  if (isStriped) {
    for (const dx of [-0.18, 0, 0.18]) {
      canvas.fill(
        line(x + dx * s, y - 0.6 * s, x + dx * s, y - 0.3 * s, 0.045 * s),
        mix(fur, DARK, 0.45),
        1,
        face,
      );
    }
  }
  canvas.fill(ellipse(x, y + 0.4 * s, 0.34 * s, 0.24 * s), mix(fur, WHITE, 0.65));
  for (const side of SIDES) {
    const ex = x + side * 0.32 * s;
    canvas.fill(ellipse(ex, y + 0.06 * s, 0.16 * s, 0.17 * s), eye);
    canvas.fill(ellipse(ex, y + 0.06 * s, 0.06 * s, 0.15 * s), DARK);
    canvas.fill(
      line(x + side * 0.42 * s, y + 0.36 * s, x + side * 0.86 * s, y + 0.28 * s, 0.018 * s),
      WHITE,
      0.9,
    );
    canvas.fill(
      line(x + side * 0.42 * s, y + 0.44 * s, x + side * 0.86 * s, y + 0.46 * s, 0.018 * s),
      WHITE,
      0.9,
    );
    canvas.fill(curve(x + side * 0.1 * s, y + 0.42 * s, 0.1 * s, 0.08 * s, 0.03 * s), DARK);
  }
  canvas.fill(
    triangle(x - 0.07 * s, y + 0.29 * s, x + 0.07 * s, y + 0.29 * s, x, y + 0.37 * s, 0.03 * s),
    [230, 110, 120],
  );
}

const BEARS: readonly Colour[] = [
  [150, 98, 62],
  [196, 146, 96],
  [240, 240, 244],
  [110, 84, 74],
];

function paintBear(canvas: Canvas, { x, y, scale: s }: Head, random: Random): void {
  const fur = random.pick(BEARS);
  for (const side of SIDES) {
    canvas.fill(circle(x + side * 0.54 * s, y - 0.46 * s, 0.26 * s), fur);
    canvas.fill(circle(x + side * 0.54 * s, y - 0.46 * s, 0.14 * s), mix(fur, [240, 150, 150], 0.55));
  }
  canvas.fill(ellipse(x, y + 0.08 * s, 0.74 * s, 0.68 * s), fur);
  canvas.fill(ellipse(x, y + 0.34 * s, 0.36 * s, 0.28 * s), mix(fur, [255, 246, 230], 0.7));
  for (const side of SIDES) {
    canvas.fill(circle(x + side * 0.3 * s, y - 0.02 * s, 0.1 * s), DARK);
    canvas.fill(circle(x + side * 0.3 * s + 0.03 * s, y - 0.05 * s, 0.035 * s), WHITE);
    canvas.fill(curve(x + side * 0.09 * s, y + 0.42 * s, 0.09 * s, 0.07 * s, 0.032 * s), DARK);
  }
  canvas.fill(ellipse(x, y + 0.25 * s, 0.14 * s, 0.1 * s), DARK);
}

const FROGS: readonly Colour[] = [
  [118, 196, 84],
  [80, 176, 120],
  [168, 206, 70],
];

function paintFrog(canvas: Canvas, { x, y, scale: s }: Head, random: Random): void {
  const skin = random.pick(FROGS);
  for (const side of SIDES) canvas.fill(circle(x + side * 0.4 * s, y - 0.4 * s, 0.3 * s), skin);
  canvas.fill(ellipse(x, y + 0.16 * s, 0.8 * s, 0.6 * s), skin);
  canvas.fill(ellipse(x, y + 0.5 * s, 0.5 * s, 0.22 * s), mix(skin, [250, 250, 190], 0.5));
  for (const side of SIDES) {
    const ex = x + side * 0.4 * s;
    canvas.fill(circle(ex, y - 0.42 * s, 0.21 * s), WHITE);
    canvas.fill(circle(ex - side * 0.03 * s, y - 0.4 * s, 0.11 * s), DARK);
    canvas.fill(ellipse(x + side * 0.56 * s, y + 0.2 * s, 0.13 * s, 0.09 * s), [255, 120, 120], 0.5);
    canvas.fill(circle(x + side * 0.07 * s, y + 0.02 * s, 0.025 * s), mix(skin, DARK, 0.6));
  }
  canvas.fill(curve(x, y + 0.22 * s, 0.44 * s, 0.18 * s, 0.04 * s), mix(skin, DARK, 0.75));
}

const ROBOTS: readonly Colour[] = [
  [168, 182, 198],
  [120, 170, 210],
  [226, 150, 110],
  [150, 190, 160],
];

function paintRobot(canvas: Canvas, { x, y, scale: s }: Head, random: Random): void {
  const metal = random.pick(ROBOTS);
  const light = random.pick<Colour>([
    [255, 214, 80],
    [110, 240, 220],
    [255, 110, 110],
  ]);
  const dark = mix(metal, DARK, 0.45);
  canvas.fill(line(x, y - 0.9 * s, x, y - 0.5 * s, 0.04 * s), dark);
  canvas.fill(circle(x, y - 0.84 * s, 0.12 * s), light);
  for (const side of SIDES)
    canvas.fill(roundBox(x + side * 0.7 * s, y + 0.1 * s, 0.12 * s, 0.2 * s, 0.06 * s), dark);
  canvas.fill(roundBox(x, y + 0.1 * s, 0.66 * s, 0.64 * s, 0.16 * s), metal);
  canvas.fill(roundBox(x, y - 0.02 * s, 0.52 * s, 0.26 * s, 0.12 * s), DARK);
  for (const side of SIDES) canvas.fill(circle(x + side * 0.25 * s, y - 0.02 * s, 0.15 * s), light);
  canvas.fill(roundBox(x, y + 0.48 * s, 0.36 * s, 0.12 * s, 0.04 * s), mix(metal, WHITE, 0.75));
  for (const dx of [-0.18, 0, 0.18]) {
    canvas.fill(line(x + dx * s, y + 0.38 * s, x + dx * s, y + 0.58 * s, 0.018 * s), dark);
  }
}

const MONSTERS: readonly Colour[] = [
  [166, 110, 214],
  [236, 104, 150],
  [90, 160, 226],
  [250, 140, 80],
];

function paintMonster(canvas: Canvas, { x, y, scale: s }: Head, random: Random): void {
  const skin = random.pick(MONSTERS);
  const iris = random.pick<Colour>([
    [70, 150, 90],
    [70, 110, 190],
    [150, 90, 50],
  ]);
  for (const side of SIDES) {
    const horn = triangle(
      x + side * 0.34 * s,
      y - 0.44 * s,
      x + side * 0.66 * s,
      y - 0.84 * s,
      x + side * 0.6 * s,
      y - 0.3 * s,
      0.04 * s,
    );
    canvas.fill(horn, [252, 236, 196]);
  }
  canvas.fill(ellipse(x, y + 0.1 * s, 0.72 * s, 0.72 * s), skin);
  canvas.fill(circle(x, y - 0.1 * s, 0.34 * s), WHITE);
  canvas.fill(circle(x, y - 0.08 * s, 0.2 * s), iris);
  canvas.fill(circle(x, y - 0.08 * s, 0.11 * s), DARK);
  canvas.fill(circle(x + 0.07 * s, y - 0.16 * s, 0.05 * s), WHITE);
  canvas.fill(ellipse(x, y + 0.5 * s, 0.34 * s, 0.13 * s), MOUTH_RED);
  for (const side of SIDES) {
    const tx = x + side * 0.15 * s;
    canvas.fill(
      triangle(tx - 0.08 * s, y + 0.4 * s, tx + 0.08 * s, y + 0.4 * s, tx, y + 0.52 * s, 0.015 * s),
      WHITE,
    );
  }
}
