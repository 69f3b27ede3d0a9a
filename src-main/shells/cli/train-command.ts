/** `ganvas train` and `ganvas resume`. */
import type { ImageSettings, PreparedDataset } from '../../../src-shared/dataset.ts';
import { Fit } from '../../../src-shared/dataset.ts';
import { AppError } from '../../../src-shared/errors.ts';
import type { Design } from '../../../src-shared/gan/block.ts';
import { costInWords } from '../../../src-shared/gan/cost.ts';
import { formatShape } from '../../../src-shared/gan/shape.ts';
import { summary } from '../../../src-shared/gan/summary.ts';
import { requireTrainable } from '../../../src-shared/readiness.ts';
import type { Progress } from '../../../src-shared/progress.ts';
import type { Measuring } from '../../../src-shared/measures.ts';
import { defaultMeasuring, fewestImages, RankingMeasure } from '../../../src-shared/measures.ts';
import type { Hyperparameters, Limits } from '../../../src-shared/training.ts';
import { defaultHyperparameters, EngineName, LossName } from '../../../src-shared/training.ts';
import { listEngines } from '../../core/ask-trainer.ts';
import { requireSampleName } from '../../core/sample-data.ts';
import { pinnedNode } from '../node-binary.ts';
import { createTrainerHost } from '../trainer-host.ts';
import { chooseDesign } from './design-choice.ts';
import { followRun, RunWatch } from './follow-run.ts';
import type { Interruption } from './interruption.ts';
import { namedRun, nextCommand, openApp, openToChange, withEarlier, withMoved } from './library.ts';
import type { Words } from './options.ts';
import { mostSteps } from './options.ts';
import type { Output } from './output.ts';
import { formatCount, wrap } from './output.ts';

/** Limit of a run that was given none. */
const defaultSteps = 2000;
/** A learning rate of zero learns nothing; one far below this changes no 32-bit weight. */
const leastRate = 1e-9;
/** Files left out of a dataset that people are told one by one. */
const leftOutShown = 5;

function limitsOf(words: Words): Limits | null {
  const steps = words.integer('steps', 1, mostSteps) ?? null;
  const kimg = words.number('kimg', 0.001, 1_000_000) ?? null;
  const minutes = words.number('minutes', 0.01, 1_000_000) ?? null;
  return steps === null && kimg === null && minutes === null ? null : { steps, kimg, minutes };
}

function hyperparametersOf(words: Words): Hyperparameters {
  const defaults = defaultHyperparameters();
  const rate = words.number('lr', leastRate, 1);
  const beta1 = words.number('beta1', 0, 0.9999);
  const { discriminator, generator } = defaults;
  return {
    ...defaults,
    discriminator: {
      ...discriminator,
      learningRate: words.number('lr-d', leastRate, 1) ?? rate ?? discriminator.learningRate,
      beta1: beta1 ?? discriminator.beta1,
    },
    generator: {
      ...generator,
      learningRate: words.number('lr-g', leastRate, 1) ?? rate ?? generator.learningRate,
      beta1: beta1 ?? generator.beta1,
    },
    loss: words.choice('loss', LossName) ?? defaults.loss,
    batch: words.integer('batch', 1, 4096) ?? defaults.batch,
    sampleEvery: words.integer('sample-every', 1, 1_000_000) ?? defaults.sampleEvery,
    checkpointEvery: words.integer('checkpoint-every', 1, 1_000_000) ?? defaults.checkpointEvery,
  };
}

function measuringOf(words: Words): Measuring {
  const defaults = defaultMeasuring();
  const every = words.integer('measure-every', 0, 1_000_000);
  return {
    every: every === 0 ? null : (every ?? defaults.every),
    images: words.integer('measure-images', fewestImages, 16_384) ?? defaults.images,
    best: words.choice('keep-best', RankingMeasure) ?? defaults.best,
    patience: words.integer('patience', 1, 10_000) ?? defaults.patience,
    checkpointMegabytes:
      words.integer('checkpoint-megabytes', 1, 100_000_000) ?? defaults.checkpointMegabytes,
  };
}

/** An engine that was asked for by name must be there before images are read for it. @throws AppError `engine.missing` */
async function requireEngine(name: EngineName | undefined, signal: AbortSignal): Promise<void> {
  if (name === undefined || name === 'auto') return;
  const engines = await listEngines(createTrainerHost(pinnedNode()), signal);
  const engine = engines.find((report) => report.name === name);
  if (engine?.available === true) return;
  const others = engines.filter((report) => report.available).map((report) => report.name);
  throw new AppError(
    'engine.missing',
    `The engine ${name} is not here. ${engine?.note ?? ''} Here are: auto, ${others.join(', ')}.`,
    { engine: name },
  );
}

function tellDataset(
  dataset: PreparedDataset,
  sourceName: string,
  leftOutFile: string | null,
  output: Output,
): void {
  const { source, count, classes, settings, leftOut, leftOutCount, key, fingerprint } = dataset;
  const facts = { source, count, classes, settings, key, fingerprint, leftOut, leftOutCount, leftOutFile };
  output.json({ type: 'dataset', ...facts });
  const images = `${formatCount(count)} ${count === 1 ? 'image' : 'images'}`;
  const inClasses = classes.length === 0 ? '' : ` in ${classes.length} classes`;
  output.line(`Dataset ${sourceName}: ${images}${inClasses}, seen as ${formatShape(settings)}`);
  for (const { file, reason } of leftOut.slice(0, leftOutShown))
    output.line(`  left out: ${file}: ${reason}`);
  const more = leftOutCount - leftOutShown;
  if (more <= 0) return;
  const list = leftOutFile === null ? '' : `; all of them: ${leftOutFile}`;
  output.line(`  left out: ${formatCount(more)} more${list}`);
}

function tellDesign(design: Design, batch: number, output: Output): void {
  const { discriminator, generator } = summary(design);
  const parameters = `discriminator ${formatCount(discriminator.parameters)}, generator ${formatCount(generator.parameters)} parameters`;
  output.line(`Design "${design.name}": ${parameters}`);
  const cost = costInWords(design, batch);
  if (cost === null) return;
  output.json({ type: 'warning', code: 'costly', message: cost });
  for (const line of wrap(`Note: ${cost}`)) output.line(line);
}

/** @returns the exit status: 0 done, 130 interrupted with a checkpoint */
export async function trainCommand(
  words: Words,
  output: Output,
  interruption: Interruption,
): Promise<number> {
  words.allow([
    ...([
      'data',
      'preset',
      'design',
      'resolution',
      'grey',
      'fit',
      'batch',
      'steps',
      'kimg',
      'minutes',
    ] as const),
    ...(['loss', 'lr', 'lr-d', 'lr-g', 'beta1', 'sample-every', 'checkpoint-every'] as const),
    ...(['measure-every', 'measure-images', 'keep-best', 'patience', 'checkpoint-megabytes'] as const),
    ...(['engine', 'seed', 'name'] as const),
  ]);
  const data = words.required('data');
  const hyperparameters = hyperparametersOf(words);
  const measuring = measuringOf(words);
  const wanted = limitsOf(words);
  const limits = wanted ?? { steps: defaultSteps, kimg: null, minutes: null };
  const engine = words.choice('engine', EngineName);
  const fit = words.choice('fit', Fit) ?? 'crop';
  const seed = words.integer('seed', 0, Number.MAX_SAFE_INTEGER) ?? 1;
  const design = await chooseDesign({
    preset: words.text('preset'),
    design: words.text('design'),
    resolution: words.text('resolution'),
    grey: words.flag('grey'),
  });
  const name = words.name('name') ?? null;
  const { height, width, channels } = design.discriminator.image;
  const settings: ImageSettings = { height, width, channels: channels as ImageSettings['channels'], fit };
  // What cannot be right with any images is said before anything is made or read.
  requireTrainable(design, { settings, count: Infinity }, hyperparameters);
  await requireSampleName(data);
  const { signal } = interruption;
  await requireEngine(engine, signal);

  const watch = new RunWatch(output);
  const next = (command: string) => nextCommand(words, command);
  const app = openApp(words, 'write', watch.listen);
  try {
    const onProgress = (progress: Progress) => output.progress(progress);
    const dataset = await app.datasets.prepare(data, settings, { onProgress, signal });
    tellDataset(dataset, app.sourceName(dataset.source), app.datasets.leftOutFile(dataset), output);
    tellDesign(design, hyperparameters.batch, output);
    const training = {
      ...{ name, design, hyperparameters, measuring, limits, dataset, seed },
      engine: engine ?? 'auto',
    };
    const run = app.runs.start(training);
    watch.begin(app, run, wanted === null ? ' (unless --steps, --kimg or --minutes say otherwise)' : '');
    return await followRun(app, run, watch, output, interruption, next);
  } finally {
    app.close();
  }
}

/** @returns the exit status: 0 done, 130 interrupted with a checkpoint */
export async function resumeCommand(
  words: Words,
  output: Output,
  interruption: Interruption,
): Promise<number> {
  words.allow(['data', 'steps', 'kimg', 'minutes', 'step'], 1);
  const which = words.argument('the number, id or name of a run');
  const limits = limitsOf(words);
  const step = words.integer('step', 0, mostSteps);
  const source = words.text('data');
  const watch = new RunWatch(output);
  const next = (command: string) => nextCommand(words, command);
  const app = openToChange(words, watch.listen);
  try {
    const resuming = app.runs.resume(namedRun(app, which, words).id, limits, {
      onProgress: (progress) => output.progress(progress),
      signal: interruption.signal,
      ...(step === undefined ? {} : { step }),
      ...(source === undefined ? {} : { source }),
    });
    const run = await withEarlier(words, resuming).catch((error: unknown) => {
      throw withMoved(error, next(`resume ${which} --data PATH`));
    });
    watch.begin(app, run, limits === null ? ', as before' : '');
    return await followRun(app, run, watch, output, interruption, next);
  } finally {
    app.close();
  }
}
