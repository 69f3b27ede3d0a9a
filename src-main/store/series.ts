/**
 * Curves over many steps, fast: beside every step the library keeps bins of 16, 256 and 4096 steps with the least, greatest and sum of each
 * number. A curve is put together from the widest of them that fit into its own bins, and from single steps at its two ends.
 */
import * as v from 'valibot';
import type { Series, SeriesName } from '../../src-shared/library.ts';
import type { StepStats } from '../../src-shared/training.ts';
import type { Database } from './database.ts';

/** Steps in a kept bin. */
const widths = [16, 256, 4096] as const;

/** A step with the seconds of training at its end. */
export type TimedStep = StepStats & { seconds: number };

export interface SeriesOptions {
  columns: readonly SeriesName[];
  /** First and last step; the run's own where they are null. */
  from: number | null;
  to: number | null;
  /** Most bins, 1 or more. */
  bins: number;
}

export interface StepBins {
  /** Brings the kept bins up to steps that follow those in them. Inside of a transaction. */
  add(run: string, steps: readonly TimedStep[]): void;
  /** Forgets what is after a step. The steps themselves must be gone already. Inside of a transaction. */
  rewind(run: string, step: number): void;
  /** See {@link Series}. A run without steps in the range gives empty arrays. */
  series(run: string, options: SeriesOptions): Series;
}

const nullable = v.nullable(v.number());
const Range = v.object({ first: nullable, last: nullable });
const Bin = v.object({
  step: v.number(),
  count: v.number(),
  seconds: v.number(),
  lossDMin: v.number(),
  lossDMax: v.number(),
  lossDMean: v.number(),
  lossGMin: v.number(),
  lossGMax: v.number(),
  lossGMean: v.number(),
  dRealMin: v.number(),
  dRealMax: v.number(),
  dRealMean: v.number(),
  dFakeMin: v.number(),
  dFakeMax: v.number(),
  dFakeMean: v.number(),
  imagesPerSecondMin: v.number(),
  imagesPerSecondMax: v.number(),
  imagesPerSecondMean: v.number(),
});

export function createStepBins(database: Database): StepBins {
  // Parameters come as floating-point numbers, and a bin is the whole part of a division.
  const insert = database.command(`
    INSERT INTO stepBins VALUES (
      :run, :width, CAST((:step - 1) / :width AS INTEGER), :step, 1, :seconds, :lossD, :lossD, :lossD, :lossG, :lossG, :lossG,
      :dReal, :dReal, :dReal, :dFake, :dFake, :dFake, :imagesPerSecond, :imagesPerSecond, :imagesPerSecond
    ) ON CONFLICT (run, width, bin) DO UPDATE SET
      step = excluded.step, count = count + 1, seconds = excluded.seconds,
      lossDMin = min(lossDMin, excluded.lossDMin), lossDMax = max(lossDMax, excluded.lossDMax),
      lossDSum = lossDSum + excluded.lossDSum,
      lossGMin = min(lossGMin, excluded.lossGMin), lossGMax = max(lossGMax, excluded.lossGMax),
      lossGSum = lossGSum + excluded.lossGSum,
      dRealMin = min(dRealMin, excluded.dRealMin), dRealMax = max(dRealMax, excluded.dRealMax),
      dRealSum = dRealSum + excluded.dRealSum,
      dFakeMin = min(dFakeMin, excluded.dFakeMin), dFakeMax = max(dFakeMax, excluded.dFakeMax),
      dFakeSum = dFakeSum + excluded.dFakeSum,
      imagesPerSecondMin = min(imagesPerSecondMin, excluded.imagesPerSecondMin),
      imagesPerSecondMax = max(imagesPerSecondMax, excluded.imagesPerSecondMax),
      imagesPerSecondSum = imagesPerSecondSum + excluded.imagesPerSecondSum`);
  const forget = database.command(
    'DELETE FROM stepBins WHERE run = :run AND width = :width AND bin >= CAST(:step / :width AS INTEGER)',
  );
  const rebuild = database.command(`
    INSERT INTO stepBins
    SELECT run, :width, CAST(:step / :width AS INTEGER), max(step), count(*), max(seconds), min(lossD), max(lossD), sum(lossD),
      min(lossG), max(lossG), sum(lossG), min(dReal), max(dReal), sum(dReal), min(dFake), max(dFake), sum(dFake),
      min(imagesPerSecond), max(imagesPerSecond), sum(imagesPerSecond)
    FROM steps WHERE run = :run AND step > CAST(:step / :width AS INTEGER) * :width
    GROUP BY run`);
  const range = database.query(
    { name: 'steps', key: ['run'], row: Range },
    'SELECT :run AS run, (SELECT min(step) FROM steps WHERE run = :run) AS first, ' +
      '(SELECT max(step) FROM steps WHERE run = :run) AS last',
  );
  const bins = database.query(
    { name: 'steps', key: ['run', 'step'], row: Bin },
    `WITH part AS (
      SELECT step, count, seconds, lossDMin, lossDMax, lossDSum, lossGMin, lossGMax, lossGSum, dRealMin, dRealMax, dRealSum,
        dFakeMin, dFakeMax, dFakeSum, imagesPerSecondMin, imagesPerSecondMax, imagesPerSecondSum
      FROM stepBins WHERE run = :run AND width = :kept AND bin >= :firstBin AND bin < :endBin
      UNION ALL
      SELECT step, 1, seconds, lossD, lossD, lossD, lossG, lossG, lossG, dReal, dReal, dReal, dFake, dFake, dFake,
        imagesPerSecond, imagesPerSecond, imagesPerSecond
      FROM steps WHERE run = :run AND step >= :from AND step <= :headEnd
      UNION ALL
      SELECT step, 1, seconds, lossD, lossD, lossD, lossG, lossG, lossG, dReal, dReal, dReal, dFake, dFake, dFake,
        imagesPerSecond, imagesPerSecond, imagesPerSecond
      FROM steps WHERE run = :run AND step > :tailStart AND step <= :to
    )
    SELECT :run AS run, max(step) AS step, sum(count) AS count, max(seconds) AS seconds,
      min(lossDMin) AS lossDMin, max(lossDMax) AS lossDMax, sum(lossDSum) / sum(count) AS lossDMean,
      min(lossGMin) AS lossGMin, max(lossGMax) AS lossGMax, sum(lossGSum) / sum(count) AS lossGMean,
      min(dRealMin) AS dRealMin, max(dRealMax) AS dRealMax, sum(dRealSum) / sum(count) AS dRealMean,
      min(dFakeMin) AS dFakeMin, max(dFakeMax) AS dFakeMax, sum(dFakeSum) / sum(count) AS dFakeMean,
      min(imagesPerSecondMin) AS imagesPerSecondMin, max(imagesPerSecondMax) AS imagesPerSecondMax,
      sum(imagesPerSecondSum) / sum(count) AS imagesPerSecondMean
    FROM part GROUP BY CAST((step - 1) / :width AS INTEGER) ORDER BY step`,
  );

  return {
    add(run, steps) {
      for (const { step, lossD, lossG, dReal, dFake, imagesPerSecond, seconds } of steps) {
        for (const width of widths)
          insert({ run, width, step, lossD, lossG, dReal, dFake, imagesPerSecond, seconds });
      }
    },
    rewind(run, step) {
      for (const width of widths) {
        forget({ run, width, step });
        rebuild({ run, width, step });
      }
    },
    series(run, { columns, from, to, bins: most }) {
      const { first, last } = range.one({ run }) ?? { first: null, last: null };
      const start = Math.max(from ?? 1, first ?? 1);
      const end = Math.min(to ?? Number.MAX_SAFE_INTEGER, last ?? 0);
      const rows = end < start ? [] : bins.all({ run, ...plan(start, end, most) });
      return {
        step: rows.map((row) => row.step),
        count: rows.map((row) => row.count),
        seconds: rows.map((row) => row.seconds),
        columns: Object.fromEntries(
          columns.map((name) => [
            name,
            {
              min: rows.map((row) => row[`${name}Min`]),
              max: rows.map((row) => row[`${name}Max`]),
              mean: rows.map((row) => row[`${name}Mean`]),
            },
          ]),
        ),
      };
    },
  };
}

/**
 * How the steps `from` to `to` are put together: bins of `width` steps, from kept bins of `kept` steps as far as whole ones lie inside, and
 * from single steps before (to `headEnd`) and after (from `tailStart` on).
 */
function plan(from: number, to: number, most: number) {
  let width = Math.ceil((to - from + 1) / most);
  const kept = widths.findLast((candidate) => candidate <= width) ?? 0;
  // Bins begin where kept ones do, so one more may be touched than fit: then they are a little wider.
  const unit = Math.max(kept, 1);
  const touched = () => Math.floor((to - 1) / width) - Math.floor((from - 1) / width) + 1;
  for (width = Math.ceil(width / unit) * unit; touched() > most;) width += unit;
  const firstBin = kept === 0 ? 0 : Math.ceil((from - 1) / kept);
  const endBin = kept === 0 ? 0 : Math.floor(to / kept);
  const whole = endBin > firstBin;
  return {
    from,
    to,
    width,
    kept,
    firstBin: whole ? firstBin : 0,
    endBin: whole ? endBin : 0,
    headEnd: whole ? firstBin * kept : to,
    tailStart: whole ? endBin * kept : to,
  };
}
