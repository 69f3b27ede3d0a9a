/** A run from here to its end, told as it goes. */
import { relative } from 'node:path';
import type { ApiEvent } from '../../../src-shared/api.ts';
import { AppError } from '../../../src-shared/errors.ts';
import type { Run } from '../../../src-shared/library.ts';
import type { Limits, StepStats } from '../../../src-shared/training.ts';
import type { App } from '../../core/app.ts';
import type { Interruption } from './interruption.ts';
import { interruptedStatus } from './interruption.ts';
import type { Output } from './output.ts';
import { formatCount, formatRate, formatSeconds } from './output.ts';

/** A path as it is shortest to read. */
function shortest(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.length < path.length ? fromHere : path;
}

/** Steps after which a run ends, as far as its limits tell. */
function lastStep(limits: Limits, batch: number): number | null {
  const steps = [
    ...(limits.steps === null ? [] : [limits.steps]),
    ...(limits.kimg === null ? [] : [Math.ceil((limits.kimg * 1000) / batch)]),
  ];
  return steps.length === 0 ? null : Math.min(...steps);
}

/** Images a second over several steps. */
function meanRate(steps: readonly StepStats[]): number {
  return steps.length / steps.reduce((seconds, { imagesPerSecond }) => seconds + 1 / imagesPerSecond, 0);
}

/** Tells what happens to a run. */
export class RunWatch {
  readonly #output: Output;
  /** What happened before it was known which run is meant. */
  readonly #early: ApiEvent[] = [];
  readonly #ended = Promise.withResolvers<Run>();
  #watched: { app: App; run: Run } | null = null;
  #device: string | null = null;

  constructor(output: Output) {
    this.#output = output;
  }

  /** For the app's broadcast. */
  readonly listen = (event: ApiEvent): void => {
    if (this.#watched === null) this.#early.push(event);
    else this.#tell(event, this.#watched.app, this.#watched.run);
  };

  begin(app: App, run: Run): void {
    this.#watched = { app, run };
    this.#output.json({ type: 'run', id: run.id, number: run.number, name: run.name });
    this.#output.line(`Run ${run.number} "${run.name}"`);
    for (const event of this.#early.splice(0)) this.#tell(event, app, run);
  }

  /** Resolves when the run has ended. */
  get ended(): Promise<Run> {
    return this.#ended.promise;
  }

  #tell(event: ApiEvent, app: App, run: Run): void {
    const output = this.#output;
    switch (event.type) {
      case 'run': {
        const { state, engine, device } = event.run;
        if (state === 'running' && engine !== null && device !== this.#device) {
          this.#device = device;
          output.line(`Engine ${engine} on ${device}`);
        }
        if (state !== 'running' && state !== 'queued') this.#ended.resolve(event.run);
        return;
      }
      case 'steps': {
        for (const step of event.steps) output.json({ type: 'step', ...step });
        this.#showSteps(event, run);
        return;
      }
      case 'sample': {
        const path = app.runs.sampleFile(run.id, event.step);
        output.json({ type: 'sample', step: event.step, path });
        output.line(`  step ${formatCount(event.step)}: samples in ${shortest(path)}`);
        return;
      }
      case 'checkpoint': {
        const path = app.runs.checkpointFolder(run.id, event.step);
        output.json({ type: 'checkpoint', step: event.step, path });
        return;
      }
      default:
    }
  }

  #showSteps(event: Extract<ApiEvent, { type: 'steps' }>, { limits, hyperparameters }: Run): void {
    const last = event.steps.at(-1);
    if (last === undefined) return;
    const { step, lossD, lossG, dReal, dFake } = last;
    const { remainingSeconds } = event;
    const { minutes } = limits;
    const progress = {
      phase: 'step',
      done: step,
      total: lastStep(limits, hyperparameters.batch),
      perSecond: 0,
      remainingSeconds,
      ...(minutes !== null && remainingSeconds !== null
        ? { share: 1 - remainingSeconds / (minutes * 60) }
        : {}),
    };
    this.#output.progress(progress, [
      `loss D ${lossD.toFixed(2)} G ${lossG.toFixed(2)}`,
      `${formatRate(meanRate(event.steps))} images/s`,
      `D(x) ${dReal.toFixed(2)} D(G(z)) ${dFake.toFixed(2)}`,
      `${(event.imagesSeen / 1000).toFixed(1)} kimg`,
    ]);
  }
}

/** The words to type for a command on the same library. */
type NextCommand = (command: string) => string;

function tellEnd(app: App, ended: Run, output: Output, next: NextCommand): void {
  const { id, number, state, step, imagesSeen, trainingSeconds } = ended;
  const { samples, checkpoints } = app.runs.details(id);
  const sample = samples.at(-1)?.file ?? null;
  const checkpoint = checkpoints.at(-1)?.folder ?? null;
  output.json({
    type: 'done',
    id,
    number,
    state,
    step,
    imagesSeen,
    seconds: trainingSeconds,
    sample,
    checkpoint,
  });
  const speed = trainingSeconds > 0 ? ` (${formatRate(imagesSeen / trainingSeconds)} images/s)` : '';
  const trained = `${(imagesSeen / 1000).toFixed(1)} kimg in ${formatSeconds(trainingSeconds)}${speed}`;
  const steps = formatCount(step);
  output.line(
    state === 'done' ? `Done: ${steps} steps, ${trained}.` : `Paused after ${steps} steps, ${trained}.`,
  );
  if (sample !== null) output.line(`Newest samples: ${shortest(sample)}`);
  output.line(
    state === 'done'
      ? `Export it: ${next(`export ${number} --format onnx --out generator.onnx`)}`
      : `Go on: ${next(`resume ${number}`)}`,
  );
}

/** Reasons after which a run goes on when it is resumed. */
const passing = ['run.interrupted', 'trainer.died', 'disk.full'];

function failure(
  { number, state }: Run,
  { code, message }: NonNullable<Run['reason']>,
  next: NextCommand,
): AppError {
  const hint = passing.includes(code) ? ` Go on: ${next(`resume ${number}`)}` : '';
  return new AppError(code, `${message}${hint}`, { run: number, state });
}

/**
 * Waits for a run's end and tells how it was.
 * @returns the exit status: 0 done, 130 interrupted with a checkpoint
 * @throws AppError why the run has failed or was cut off
 */
export async function followRun(
  app: App,
  run: Run,
  watch: RunWatch,
  output: Output,
  interruption: Interruption,
  next: NextCommand,
): Promise<number> {
  interruption.onFirst(() => {
    output.line('Ending with a checkpoint. Ctrl-C again ends at once.');
    app.runs.interrupt(run.id, 'paused');
  });
  interruption.onSecond(() => {
    app.close();
    const message = `Ended at once; what was trained since the last checkpoint is lost. Go on: ${next(`resume ${run.number}`)}`;
    output.error({ code: 'run.interrupted', message, details: { run: run.number } });
  });
  watch.begin(app, run);
  const ended = await watch.ended;
  if (ended.reason !== null) throw failure(ended, ended.reason, next);
  tellEnd(app, ended, output, next);
  return ended.state === 'done' ? 0 : interruptedStatus;
}
