/**
 * Curves of a run in memory: bins of steps with minimum, maximum and mean, as the core gives them, with live steps added at the end. However
 * long a run is, their number stays bounded: when there are too many, neighbours are merged. Pure.
 */
import type { Series, SeriesName } from '../../src-shared/library.ts';
import type { StepStats } from '../../src-shared/training.ts';

interface Column {
  min: number[];
  max: number[];
  mean: number[];
}

/** One entry a bin in every array; see {@link Series}. */
export interface Curves {
  step: readonly number[];
  count: readonly number[];
  seconds: readonly number[];
  columns: Readonly<Record<SeriesName, Readonly<Column>>>;
}

const names: readonly SeriesName[] = ['lossD', 'lossG', 'dReal', 'dFake', 'imagesPerSecond'];

/** A value for each curve, from a function that makes it. */
function each<Value>(make: (name: SeriesName) => Value): Record<SeriesName, Value> {
  return {
    lossD: make('lossD'),
    lossG: make('lossG'),
    dReal: make('dReal'),
    dFake: make('dFake'),
    imagesPerSecond: make('imagesPerSecond'),
  };
}

export const noCurves: Curves = {
  step: [],
  count: [],
  seconds: [],
  columns: each(() => ({ min: [], max: [], mean: [] })),
};

/** @param series with all columns */
export function curvesOf(series: Series): Curves {
  const { step, count, seconds, columns } = series;
  return { step, count, seconds, columns: each((name) => columns[name] ?? noCurves.columns[name]) };
}

/**
 * The curves with steps behind them, one bin each. Steps that are in them already are left out.
 * @param batch images in a step
 */
export function append(curves: Curves, steps: readonly StepStats[], batch: number): Curves {
  const last = curves.step.at(-1) ?? 0;
  const news = steps.filter(({ step }) => step > last);
  if (news.length === 0) return curves;
  let time = curves.seconds.at(-1) ?? 0;
  const seconds = news.map(
    ({ imagesPerSecond }) => (time += imagesPerSecond > 0 ? batch / imagesPerSecond : 0),
  );
  return {
    step: [...curves.step, ...news.map(({ step }) => step)],
    count: [...curves.count, ...news.map(() => 1)],
    seconds: [...curves.seconds, ...seconds],
    columns: each((name) => {
      const values = news.map((stats) => stats[name]);
      const { min, max, mean } = curves.columns[name];
      return { min: [...min, ...values], max: [...max, ...values], mean: [...mean, ...values] };
    }),
  };
}

/** The curves with neighbours merged until there are at most `most` bins. What a bin says stays true: extremes and means are exact. */
export function thin(curves: Curves, most: number): Curves {
  let thinned = curves;
  while (thinned.step.length > most) thinned = mergePairs(thinned);
  return thinned;
}

function mergePairs({ step, count, seconds, columns }: Curves): Curves {
  const half = Math.ceil(step.length / 2);
  /** The entry of each pair's last bin. */
  const lasts = (values: readonly number[]) =>
    Array.from({ length: half }, (_, i) => values[Math.min(2 * i + 1, values.length - 1)]!);
  /** Each pair as one value; a bin without a partner stays what it is. */
  const pairs = (values: readonly number[], merge: (a: number, b: number, i: number) => number) =>
    Array.from({ length: half }, (_, i) => {
      const b = values[2 * i + 1];
      return b === undefined ? values[2 * i]! : merge(values[2 * i]!, b, 2 * i);
    });
  return {
    step: lasts(step),
    count: pairs(count, (a, b) => a + b),
    seconds: lasts(seconds),
    columns: each((name) => ({
      min: pairs(columns[name].min, (a, b) => Math.min(a, b)),
      max: pairs(columns[name].max, (a, b) => Math.max(a, b)),
      mean: pairs(
        columns[name].mean,
        (a, b, i) => (a * count[i]! + b * count[i + 1]!) / (count[i]! + count[i + 1]!),
      ),
    })),
  };
}

/** What lies along the horizontal axis. */
export type Axis = 'step' | 'kimg' | 'time';

/** The bins' places on the axis: steps, thousands of images seen, or seconds of training. @param batch images in a step */
export function places(curves: Curves, axis: Axis, batch: number): readonly number[] {
  if (axis === 'time') return curves.seconds;
  return axis === 'step' ? curves.step : curves.step.map((step) => (step * batch) / 1000);
}

/** The place of a step on the axis; null beyond what the curves know. @param batch images in a step */
function placeOf(curves: Curves, step: number, axis: Axis, batch: number): number | null {
  if (axis === 'step') return step;
  if (axis === 'kimg') return (step * batch) / 1000;
  const bin = curves.step.findIndex((last) => last >= step);
  return curves.seconds[bin] ?? null;
}

/** What was measured at some steps, as a curve that is never smoothed. @param batch images in a step */
export function measuredCourse(
  metrics: readonly { step: number; value: number }[],
  curves: Curves,
  axis: Axis,
  batch: number,
): Course {
  const points = metrics.flatMap(({ step, value }) => {
    const at = placeOf(curves, step, axis, batch);
    return at === null ? [] : [{ at, value }];
  });
  const values = points.map(({ value }) => value);
  // Each stands for all steps before it.
  const count = values.map(() => Number.MAX_SAFE_INTEGER);
  return { at: points.map(({ at }) => at), count, min: values, max: values, mean: values };
}

/**
 * Exponential moving average over steps, without the pull of a start at zero (the correction of Adam's first moment, Kingma and Ba 2015,
 * section 3). A bin of n steps counts as n steps, so that the curve is the same at every magnification, but for what a bin hides.
 * @param weight of the past at each step, 0 (none) to below 1
 */
export function smooth(values: readonly number[], count: readonly number[], weight: number): number[] {
  let average = 0;
  let seen = 0;
  return values.map((value, i) => {
    const kept = weight ** count[i]!;
    if (!Number.isFinite(value)) return value;
    average = average * kept + value * (1 - kept);
    seen = seen * kept + (1 - kept);
    return average / seen;
  });
}

/** The steps between two places on an axis, for asking the core for them; null when no step lies there. */
export function stepsBetween(
  curves: Curves,
  axis: Axis,
  batch: number,
  from: number,
  to: number,
): { from: number; to: number } | null {
  const at = places(curves, axis, batch);
  const first = at.findIndex((place) => place >= from);
  const last = at.findLastIndex((place) => place <= to);
  if (first < 0 || last < first) return null;
  return { from: curves.step[first]! - curves.count[first]! + 1, to: curves.step[last]! };
}

/** One curve along an axis: what a chart draws. One entry a bin in every array. */
export interface Course extends Readonly<Column> {
  /** Places of the bins on the axis, ascending. */
  at: readonly number[];
  count: readonly number[];
}

/** @param batch images in a step */
export function courseOf(curves: Curves, column: SeriesName, axis: Axis, batch: number): Course {
  return { at: places(curves, axis, batch), count: curves.count, ...curves.columns[column] };
}

/** Every place that one of the lists has, once, ascending; the lists are ascending themselves. */
export function allPlaces(lists: readonly (readonly number[])[]): readonly number[] {
  const [first = [], ...others] = lists;
  const isSame = (list: readonly number[]) =>
    list.length === first.length && list.every((place, i) => place === first[i]);
  if (others.every(isSame)) return first;
  return [...new Set(lists.flat())].sort((a, b) => a - b);
}

/** Values at places, each moved to its place among more of them; null where there is none. */
export function spread(
  values: readonly number[],
  at: readonly number[],
  all: readonly number[],
): (number | null)[] {
  if (at.length === all.length) return [...values];
  let next = 0;
  return all.map((place) => {
    let value: number | null = null;
    // Steps that took no time share a place: the last of them is drawn.
    while (at[next] === place) value = values[next++]!;
    return value;
  });
}

/** Bins `first` to before `end`. */
function part({ step, count, seconds, columns }: Curves, first: number, end: number): Curves {
  const cut = (values: readonly number[]) => values.slice(first, end);
  return {
    step: cut(step),
    count: cut(count),
    seconds: cut(seconds),
    columns: each((name) => {
      const { min, max, mean } = columns[name];
      return { min: cut(min), max: cut(max), mean: cut(mean) };
    }),
  };
}

/** The bins that end within a range of steps, both included. */
export function between(curves: Curves, from: number, to: number): Curves {
  const first = curves.step.findIndex((step) => step >= from);
  const end = curves.step.findLastIndex((step) => step <= to) + 1;
  return first < 0 || end <= first ? noCurves : part(curves, first, end);
}

/** The curves with a part of them in finer bins, which take the place of those that they touch. */
export function refine(curves: Curves, finer: Curves): Curves {
  const [first, last] = [finer.step[0], finer.step.at(-1)];
  if (first === undefined || last === undefined) return curves;
  const start = first - finer.count[0]!;
  const before = curves.step.findLastIndex((step) => step <= start) + 1;
  const after = curves.step.findIndex((step, bin) => step - curves.count[bin]! >= last);
  const head = part(curves, 0, before);
  const tail = after < 0 ? noCurves : part(curves, after, curves.step.length);
  const join = (of: (curves: Curves) => readonly number[]) => of(head).concat(of(finer), of(tail));
  return {
    step: join(({ step }) => step),
    count: join(({ count }) => count),
    seconds: join(({ seconds }) => seconds),
    columns: each((name) => ({
      min: join(({ columns }) => columns[name].min),
      max: join(({ columns }) => columns[name].max),
      mean: join(({ columns }) => columns[name].mean),
    })),
  };
}

/** A stretch of an axis, moved inside of all that there is; null where it is all of it. */
export function within(
  { from, to }: { from: number; to: number },
  all: readonly number[],
): { from: number; to: number } | null {
  const [first, last] = [all[0], all.at(-1)];
  if (first === undefined || last === undefined || to - from >= last - first) return null;
  const moved = Math.min(Math.max(from, first), last - (to - from));
  return { from: moved, to: moved + to - from };
}

/** Index of the bin nearest to a place; null without bins. */
export function nearest(at: readonly number[], place: number): number | null {
  if (at.length === 0) return null;
  let low = 0;
  let high = at.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at[middle]! < place) low = middle + 1;
    else high = middle;
  }
  return low > 0 && place - at[low - 1]! < at[low]! - place ? low - 1 : low;
}

export { names as curveNames };
