/** `ganvas train` and `ganvas resume`: a run from here to its end, told as it goes. */
import { relative } from 'node:path';
import type { ImageSettings, PreparedDataset } from '../../../src-shared/dataset.ts';
import { Fit } from '../../../src-shared/dataset.ts';
import { AppError } from '../../../src-shared/errors.ts';
import { formatShape } from '../../../src-shared/gan/shape.ts';
import type { Hyperparameters, Limits, StepStats } from '../../../src-shared/training.ts';
import { defaultHyperparameters, EngineName, LossName } from '../../../src-shared/training.ts';
import type { App, Run } from '../../core/app.ts';
import type { AppEvent } from '../../core/events.ts';

import { chooseDesign } from './design-choice.ts';
import type { Interruption } from './interruption.ts';
import { openApp } from './library.ts';
import type { Words } from './options.ts';
import type { Output } from './output.ts';
import { formatCount, formatSeconds } from './output.ts';

/** Limit of a run that was given none. */
const defaultSteps = 2000;

function limitsOf(words: Words): Limits | null {
  const steps = words.integer('steps', 1, 1_000_000_000) ?? null;
  const kimg = words.positive('kimg') ?? null;
  const minutes = words.positive('minutes') ?? null;
  return steps === null && kimg === null && minutes === null ? null : { steps, kimg, minutes };
}

function hyperparametersOf(words: Words): Hyperparameters {
  const defaults = defaultHyperparameters();
  return {
    ...defaults,
    loss: words.choice('loss', LossName) ?? defaults.loss,
    batch: words.integer('batch', 1, 4096) ?? defaults.batch,
    sampleEvery: words.integer('sample-every', 1, 1_000_000) ?? defaults.sampleEvery,
    checkpointEvery: words.integer('checkpoint-every', 1, 1_000_000) ?? defaults.checkpointEvery,
  };
}

/** Resolves when the run has ended. */
class Watch {
  readonly #output: Output;
  readonly #waiting: AppEvent[] = [];
  #run: string | null = null;
  #limits: Limits | null = null;
  #device = '';
  readonly ended: Promise<Run>;
  #end: (run: Run) => void = () => undefined;

  constructor(output: Output) {
    this.#output = output;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  readonly listen = (event: AppEvent): void => {
    if (this.#run === null) this.#waiting.push(event);
    else this.#tell(event);
  };

  /** What happened before the run's name was known is told first. */
  begin(run: Run): void {
    this.#run = run.id;
    this.#limits = run.limits;
    this.#output.json({ type: 'run', id: run.id, number: run.number, name: run.name });
    this.#output.line(`Run ${run.number} "${run.name}"`);
    this.#waiting.splice(0).forEach((event) => this.#tell(event));
  }

  #tell(event: AppEvent): void {
    const output = this.#output;
    switch (event.type) {
      case 'run': {
        const { state, engine, device } = event.run;
        if (state === 'running' && engine !== null && device !== this.#device) {
          this.#device = device ?? '';
          output.line(`Engine ${engine} on ${device}`);
        }
        if (state !== 'running' && state !== 'queued') this.#end(event.run);
        return;
      }
      case 'steps':
        for (const step of event.steps) output.json({ type: 'step', ...step });
        this.#showStep(event.steps.at(-1)!, event.remainingSeconds, event.imagesSeen);
        return;
      case 'sample':
        output.json({ type: 'sample', step: event.step, path: event.file });
        output.line(`  step ${formatCount(event.step)}: samples in ${shortest(event.file)}`);
        return;
      case 'checkpoint':
        output.json({ type: 'checkpoint', step: event.step, path: event.folder });
    }
  }

  #showStep(last: StepStats, remainingSeconds: number | null, imagesSeen: number): void {
    const { step, lossD, lossG, dReal, dFake, imagesPerSecond } = last;
    const total = this.#limits?.steps ?? null;
    const kimg = total === null ? ` · ${(imagesSeen / 1000).toFixed(1)} kimg` : '';
    const note = `loss D ${lossD.toFixed(2)} G ${lossG.toFixed(2)} · D(x) ${dReal.toFixed(2)} D(G(z)) ${dFake.toFixed(2)}${kimg}`;
    const perSecond = imagesPerSecond;
    this.#output.progress({ phase: 'step', done: step, total, perSecond, remainingSeconds }, note);
  }
}

function shortest(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.length < path.length ? fromHere : path;
}

function tellDataset(dataset: PreparedDataset, output: Output): void {
  const { source, count, classes, settings, leftOut, leftOutCount, key, fingerprint } = dataset;
  output.json({ type: 'dataset', source, count, classes, settings, leftOut, leftOutCount, key, fingerprint });
  const inClasses = classes.length === 0 ? '' : ` in ${classes.length} classes`;
  output.line(`Dataset ${source}: ${formatCount(count)} images${inClasses}, seen as ${formatShape(settings)}`);
  for (const { file, reason } of leftOut.slice(0, 5)) output.line(`  left out: ${file}: ${reason}`);
  if (leftOutCount > 5) output.line(`  left out: ${formatCount(leftOutCount - 5)} more ("--json" lists them)`);
}

/** Waits for the run's end and tells how it was. @returns the exit status */
async function follow(app: App, run: Run, watch: Watch, output: Output, interruption: Interruption): Promise<number> {
  interruption.onFirst(() => {
    output.line('Writing a checkpoint; press Ctrl-C again to end at once.');
    app.runs.interrupt(run.id, 'paused');
  });
  watch.begin(run);
  const ended = await watch.ended;
  const { samples, checkpoints } = app.runs.details(run.id);
  const { state, step, imagesSeen, trainingSeconds, reason } = ended;
  if (reason !== null) throw new AppError(reason.code, reason.message, { run: ended.number, state });
  const done = {
    id: ended.id,
    number: ended.number,
    state,
    step,
    imagesSeen,
    seconds: trainingSeconds,
    sample: samples.at(-1)?.file ?? null,
    checkpoint: checkpoints.at(-1)?.folder ?? null,
  };
  output.json({ type: 'done', ...done });
  const speed = trainingSeconds > 0 ? ` (${formatCount(Math.round(imagesSeen / trainingSeconds))} images/s)` : '';
  output.line(
    `${state === 'done' ? 'Done' : `Ended as ${state}`}: ${formatCount(step)} steps, ${(imagesSeen / 1000).toFixed(1)} kimg in ${formatSeconds(trainingSeconds)}${speed}.`,
  );
  if (done.sample !== null) output.line(`Newest samples: ${shortest(done.sample)}`);
  output.line(
    state === 'done'
      ? `Export it: ganvas export ${ended.number} --format onnx --out generator.onnx`
      : `Go on: ganvas resume ${ended.number}`,
  );
  return state === 'done' ? 0 : 130;
}

/** @returns the exit status: 0 done, 130 interrupted with a checkpoint */
export async function trainCommand(words: Words, output: Output, interruption: Interruption): Promise<number> {
  words.allow([
    'data', 'preset', 'design', 'resolution', 'grey', 'fit', 'batch', 'steps', 'kimg', 'minutes', 'loss',
    'sample-every', 'checkpoint-every', 'engine', 'seed', 'name',
  ]);
  const data = words.required('data');
  const hyperparameters = hyperparametersOf(words);
  const limits = limitsOf(words) ?? { steps: defaultSteps, kimg: null, minutes: null };
  const engine = words.choice('engine', EngineName) ?? 'auto';
  const fit = words.choice('fit', Fit) ?? 'crop';
  const seed = words.integer('seed', 0, Number.MAX_SAFE_INTEGER) ?? 1;
  const design = await chooseDesign({
    preset: words.text('preset'),
    design: words.text('design'),
    resolution: words.text('resolution'),
    grey: words.flag('grey'),
  });
  const { height, width, channels } = design.discriminator.image;
  const settings: ImageSettings = { height, width, channels: channels as ImageSettings['channels'], fit };

  const watch = new Watch(output);
  const app = openApp(words, 'write', watch.listen);
  try {
    const dataset = await app.datasets.prepare(data, settings, {
      onProgress: (progress) => output.progress(progress),
      signal: interruption.signal,
    });
    tellDataset(dataset, output);
    const name = words.text('name') ?? design.name;
    const run = app.runs.start({ name, design, hyperparameters, limits, dataset, seed, engine });
    return await follow(app, run, watch, output, interruption);
  } finally {
    app.close();
  }
}

/** @returns the exit status: 0 done, 130 interrupted with a checkpoint */
export async function resumeCommand(words: Words, output: Output, interruption: Interruption): Promise<number> {
  words.allow(['steps', 'kimg', 'minutes'], 1);
  const which = words.argument('the number, id or name of a run');
  const limits = limitsOf(words);
  const watch = new Watch(output);
  const app = openApp(words, 'write', watch.listen);
  try {
    const run = await app.runs.resume(app.runs.find(which).id, limits, {
      onProgress: (progress) => output.progress(progress),
      signal: interruption.signal,
    });
    return await follow(app, run, watch, output, interruption);
  } finally {
    app.close();
  }
}
