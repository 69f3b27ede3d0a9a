/** A run from here to its end, told as it goes. */
import { relative } from 'node:path';
import type { ApiEvent } from '../../../src-shared/api.ts';
import { AppError } from '../../../src-shared/errors.ts';
import type { Run } from '../../../src-shared/library.ts';
import type { Limits, StepStats } from '../../../src-shared/training.ts';
import { imagesPerStep } from '../../../src-shared/training.ts';
import type { App } from '../../core/app.ts';
import type { Interruption } from './interruption.ts';
import { interruptedStatus, unread } from './interruption.ts';
import type { Output } from './output.ts';
import { formatCount, formatRate, formatSeconds, trainingPhase } from './output.ts';
import { measuredInWords } from './measure-command.ts';
import { whileWaiting } from './waiting.ts';

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

/** When a run ends: `until step 2,000`, `for 10 more minutes`. */
function endInWords({ steps, kimg, minutes }: Limits, hasBegun: boolean): string {
  const more = hasBegun ? ' more' : '';
  const ends = [
    ...(steps === null ? [] : [`until step ${formatCount(steps)}`]),
    ...(kimg === null ? [] : [`until ${kimg} kimg`]),
    ...(minutes === null ? [] : [`for ${minutes}${more} ${minutes === 1 ? 'minute' : 'minutes'}`]),
  ];
  if (ends.length === 0) return 'until Ctrl-C';
  return ends.length === 1 ? ends[0]! : `${ends.join(' or ')}, whichever comes first`;
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

  /** Tells which run this is, from where to where it goes, and from now on what happens to it. @param note on its limits */
  begin(app: App, run: Run, note = ''): void {
    this.#watched = { app, run };
    const { id, number, name, step, limits } = run;
    this.#output.json({ type: 'run', id, number, name, from: step, limits });
    const from = step === 0 ? 'from the beginning' : `from step ${formatCount(step)}`;
    this.#output.line(`Run ${number} "${name}": ${from}, ${endInWords(limits, step > 0)}${note}`);
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
        const { state, engine, device, reason } = event.run;
        if (state === 'queued' && reason !== null) output.line(`  ${reason.message}`);
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
      case 'metrics': {
        for (const metric of event.metrics) output.json({ type: 'metric', ...metric });
        output.line(`  ${measuredInWords(event.metrics)}`);
        return;
      }
      case 'measuring': {
        if (event.problem !== null)
          output.line(`  step ${formatCount(event.step)}: not measured: ${event.problem}`);
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
      phase: trainingPhase,
      done: step,
      total: lastStep(limits, imagesPerStep(hyperparameters)),
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
  const { id, number, state, step, imagesSeen, trainingSeconds, reason } = ended;
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
  if (state === 'stopped' && checkpoint === null) {
    output.line(
      `Stopped before its first step: nothing was trained. Begin again: ${next(`resume ${number}`)}`,
    );
    return;
  }
  output.line(
    state === 'done' ? `Done: ${steps} steps, ${trained}.` : `Paused after ${steps} steps, ${trained}.`,
  );
  if (reason !== null) output.line(reason.message);
  if (sample !== null) output.line(`Newest samples: ${shortest(sample)}`);
  output.line(
    state === 'done'
      ? `Export it: ${next(`export ${number} --format onnx --out generator.onnx`)}`
      : `Go on: ${next(`resume ${number}`)}`,
  );
}

/** Reasons after which a run goes on when it is resumed. */
const passing = ['run.interrupted', 'trainer.died', 'disk.full'];

/** What can be typed after a failure; nothing where that is not known. */
function hint({ number, engine }: Run, code: string, next: NextCommand): string {
  if (passing.includes(code)) return ` Go on: ${next(`resume ${number}`)}`;
  if (code.startsWith('engine.') && engine !== 'onnx')
    return ` Go on with another engine: ${next(`resume ${number} --engine onnx`)}`;
  if (code === 'training.not-finite') return ' "ganvas train" takes them as --lr, or --lr-d and --lr-g.';
  return '';
}

/**
 * Waits for the end of a run that the watch has begun with, and tells how it was.
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
  const asked = { checkpoint: false };
  interruption.onFirst(() => {
    app.runs.interrupt(run.id, 'paused');
    const { state, step } = app.runs.find(run.id);
    asked.checkpoint = state === 'running';
    const how = asked.checkpoint && step > 0 ? 'The run ends with a checkpoint.' : 'The run ends.';
    if (interruption.unread) output.notice(`${unread} ${how} Go on: ${next(`resume ${run.number}`)}`);
    else if (asked.checkpoint)
      output.line(
        'Ending with a checkpoint as soon as the step under way is done. Ctrl-C again ends at once.',
      );
  });
  interruption.onSecond(() => {
    const kept = app.runs.details(run.id).checkpoints.at(-1)?.step;
    app.close();
    const lost =
      kept === undefined
        ? 'all that was trained is lost'
        : `what was trained since the checkpoint of step ${formatCount(kept)} is lost`;
    const message = `Asked again, ended at once, without a new checkpoint; ${lost}. Go on: ${next(`resume ${run.number}`)}`;
    output.error({ code: 'run.interrupted', message, details: { run: run.number } });
  });
  const ended = await watch.ended;
  if (ended.state === 'failed' || ended.state === 'interrupted') {
    const { code, message } = ended.reason ?? { code: 'run.ended', message: `The run is ${ended.state}.` };
    const details = { run: ended.number, state: ended.state };
    throw new AppError(code, `${message}${hint(ended, code, next)}`, details);
  }
  if (asked.checkpoint && ended.state === 'done') output.line('The step under way was its last one.');
  // The last checkpoints may still be measured; who asked for an end waits for nothing.
  // (The first Ctrl-C may have gone to the run; from now on it ends the waiting.)
  const enough = new Promise<undefined>((resolve) => interruption.onFirst(() => resolve(undefined)));
  if (ended.state === 'done')
    await whileWaiting(output, 'measuring the last checkpoint', Promise.race([app.runs.measured(), enough]));
  tellEnd(app, ended, output, next);
  return ended.state === 'done' ? 0 : interruptedStatus;
}
