/** How lines are told apart: D and G by their colours, runs by a colour and a dash each, so that colours alone decide nothing. */

export interface Look {
  /** Name of a colour of the theme. */
  colour: 'd' | 'g' | 'text' | `run-${number}`;
  /** Lengths of strokes and gaps in pixels; empty: a whole line. */
  dash: readonly number[];
}

const whole: Look['dash'] = [];
export const discriminatorLook: Look = { colour: 'd', dash: whole };
export const generatorLook: Look = { colour: 'g', dash: whole };
export const plainLook: Look = { colour: 'text', dash: whole };

/** As many as runs can be told apart at once. */
export const runLooks: readonly Look[] = [
  { colour: 'run-1', dash: whole },
  { colour: 'run-2', dash: [8, 4] },
  { colour: 'run-3', dash: [2, 3] },
  { colour: 'run-4', dash: [10, 3, 2, 3] },
  { colour: 'run-5', dash: [16, 4] },
  { colour: 'run-6', dash: [5, 2] },
];
