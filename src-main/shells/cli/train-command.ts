/** `ganvas train` and `ganvas resume`. */
import type { ImageSettings, PreparedDataset } from '../../../src-shared/dataset.ts';
import type { Training } from '../../../src-shared/combination.ts';
import { combinationProblems } from '../../../src-shared/combination.ts';
import { Fit } from '../../../src-shared/dataset.ts';
import { AppError } from '../../../src-shared/errors.ts';
import type { Design } from '../../../src-shared/gan/block.ts';
import { costInWords } from '../../../src-shared/gan/cost.ts';
import { formatShape } from '../../../src-shared/gan/shape.ts';
import { summary } from '../../../src-shared/gan/summary.ts';
import { requireTrainable } from '../../../src-shared/readiness.ts';
import type { Progress } from '../../../src-shared/progress.ts';
import { RecipeName, withRecipe } from '../../../src-shared/recipes.ts';
import type { Augmentation, Hyperparameters, Limits, Optimizer } from '../../../src-shared/training.ts';
import {
  augmentationKinds,
  defaultHyperparameters,
  EngineName,
  OptimizerName,
  ScheduleName,
  usualAdaptation,
} from '../../../src-shared/training.ts';
import { listEngines } from '../../core/ask-trainer.ts';
import { requireSampleName } from '../../core/sample-data.ts';
import { pinnedNode } from '../node-binary.ts';
import { createTrainerHost } from '../trainer-host.ts';
import { chooseDesign } from './design-choice.ts';
import { followRun, RunWatch } from './follow-run.ts';
import type { Interruption } from './interruption.ts';
import { namedRun, nextCommand, openApp, openToChange, withEarlier, withMoved } from './library.ts';
import { measuringOf } from './measuring-options.ts';
import type { Words } from './options.ts';
import { mostSteps } from './options.ts';
import type { Output } from './output.ts';
import { formatCount, wrap } from './output.ts';

/** Limit of a run that was given none. */
const defaultSteps = 2000;
/** A learning rate of zero learns nothing; one far below this changes no 32-bit weight. */
const leastRate = 1e-9;
/** A word for what can be switched off is this at the least. */
const leastWord = 1e-6;
/** Files left out of a dataset that people are told one by one. */
const leftOutShown = 5;

function limitsOf(words: Words): Limits | null {
  const steps = words.integer('steps', 1, mostSteps) ?? null;
  const kimg = words.number('kimg', 0.001, 1_000_000) ?? null;
  const minutes = words.number('minutes', 0.01, 1_000_000) ?? null;
  return steps === null && kimg === null && minutes === null ? null : { steps, kimg, minutes };
}

/** A word's number, null where it switches off; without the word what was there. */
function orNull(word: number | undefined, before: number | null): number | null {
  if (word === undefined) return before;
  return word < leastWord ? null : word;
}

/** A target or a speed makes the probability adapt. */
function augmentationOf(words: Words, base: Augmentation): Augmentation {
  const kinds = words.choices('augment', augmentationKinds);
  const target = words.number('augment-target', 0, 1);
  const kimg = words.number('augment-kimg', 0.001, 1_000_000);
  const adapts = target !== undefined || kimg !== undefined;
  const adaptive = base.adaptive ?? usualAdaptation;
  const chosen = (kind: (typeof augmentationKinds)[number]) => kinds?.includes(kind) ?? base[kind];
  return {
    colour: chosen('colour'),
    translation: chosen('translation'),
    cutout: chosen('cutout'),
    probability: words.number('augment-chance', 0, 1) ?? (adapts ? 0 : base.probability),
    adaptive: adapts ? { target: target ?? adaptive.target, kimg: kimg ?? adaptive.kimg } : base.adaptive,
  };
}

/** The settings that the words ask for, over those of a recipe. */
function hyperparametersOf(words: Words, base: Hyperparameters): Hyperparameters {
  const rate = words.number('lr', leastRate, 1);
  const beta1 = words.number('beta1', 0, 0.9999);
  const beta2 = words.number('beta2', 0, 0.999999);
  const kind = words.choice('optimizer', OptimizerName);
  const clipNorm = words.number('clip-norm', 0, 1_000_000);
  const halfLifeKimg = words.number('ema-kimg', 0, 100_000);
  const rampUp = words.number('ema-ramp-up', 0, 1);
  const { discriminator, generator, penalties, instanceNoise, schedule, ema } = base;
  const weight = (name: 'gp' | 'r1' | 'r2') => words.number(name, 0, 1_000_000) ?? penalties[name];
  const network = (settings: Optimizer, letter: 'd' | 'g'): Optimizer => ({
    ...settings,
    kind: words.choice(`optimizer-${letter}`, OptimizerName) ?? kind ?? settings.kind,
    weightDecay: words.number('weight-decay', 0, 1) ?? settings.weightDecay,
    clipNorm: orNull(clipNorm, settings.clipNorm),
    learningRate: words.number(`lr-${letter}`, leastRate, 1) ?? rate ?? settings.learningRate,
    beta1: beta1 ?? settings.beta1,
    beta2: beta2 ?? settings.beta2,
  });
  return {
    ...base,
    discriminator: network(discriminator, 'd'),
    generator: network(generator, 'g'),
    schedule: {
      kind: words.choice('schedule', ScheduleName) ?? schedule.kind,
      kimg: words.number('schedule-kimg', 0.001, 1_000_000) ?? schedule.kimg,
    },
    ema: { halfLifeKimg: orNull(halfLifeKimg, ema.halfLifeKimg), rampUp: orNull(rampUp, ema.rampUp) },
    batch: words.integer('batch', 1, 4096) ?? base.batch,
    discriminatorSteps: words.integer('d-steps', 1, 100) ?? base.discriminatorSteps,
    penalties: {
      gp: weight('gp'),
      r1: weight('r1'),
      r2: weight('r2'),
      every: words.integer('penalty-every', 1, 1000) ?? penalties.every,
    },
    weightClip: orNull(words.number('weight-clip', 0, 100), base.weightClip),
    labelSmoothing: words.number('label-smoothing', 0, 0.5) ?? base.labelSmoothing,
    instanceNoise: {
      stddev: words.number('instance-noise', 0, 10) ?? instanceNoise.stddev,
      fadeKimg: words.number('noise-kimg', 0.001, 1_000_000) ?? instanceNoise.fadeKimg,
    },
    augmentation: augmentationOf(words, base.augmentation),
    mirrorFlips: words.flag('flip') || base.mirrorFlips,
    sampleEvery: words.integer('sample-every', 1, 1_000_000) ?? base.sampleEvery,
    checkpointEvery: words.integer('checkpoint-every', 1, 1_000_000) ?? base.checkpointEvery,
  };
}

/** What the loss that was asked for has moved beside itself, and what may go wrong with the settings. */
function tellSettings(loss: RecipeName, moved: readonly string[], training: Training, output: Output): void {
  const beside = moved.filter((setting) => !setting.startsWith('loss: '));
  if (beside.length > 0) {
    output.json({ type: 'moved', loss, moved: beside });
    for (const line of wrap(`The loss ${loss} brings: ${beside.join('; ')}.`)) output.line(line);
  }
  for (const { code, message } of combinationProblems(training)) {
    output.json({ type: 'warning', code, message });
    for (const line of wrap(`Note: ${message}`)) output.line(line);
  }
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
    ...(['loss', 'lr', 'lr-d', 'lr-g', 'beta1', 'beta2', 'sample-every', 'checkpoint-every'] as const),
    ...(['d-steps', 'gp', 'r1', 'r2', 'penalty-every', 'weight-clip', 'label-smoothing'] as const),
    ...(['instance-noise', 'noise-kimg', 'optimizer', 'optimizer-d', 'optimizer-g'] as const),
    ...(['augment', 'augment-chance', 'augment-target', 'augment-kimg', 'flip'] as const),
    ...(['weight-decay', 'clip-norm', 'schedule', 'schedule-kimg', 'ema-kimg', 'ema-ramp-up'] as const),
    ...(['measure-every', 'measure-images', 'keep-best', 'patience', 'checkpoint-megabytes'] as const),
    ...(['engine', 'seed', 'name'] as const),
  ]);
  const data = words.required('data');
  const measuring = measuringOf(words);
  const loss = words.choice('loss', RecipeName);
  // Before any file is read: what the words say of it is wrong whatever the design.
  hyperparametersOf(words, defaultHyperparameters());
  const wanted = limitsOf(words);
  const limits = wanted ?? { steps: defaultSteps, kimg: null, minutes: null };
  const engine = words.choice('engine', EngineName);
  const fit = words.choice('fit', Fit) ?? 'crop';
  const seed = words.integer('seed', 0, Number.MAX_SAFE_INTEGER) ?? 1;
  const chosen = await chooseDesign({
    preset: words.text('preset'),
    design: words.text('design'),
    resolution: words.text('resolution'),
    grey: words.flag('grey'),
  });
  const name = words.name('name') ?? null;
  const plain = { design: chosen, hyperparameters: defaultHyperparameters(), moved: [] };
  const { design, hyperparameters: base, moved } = loss === undefined ? plain : withRecipe(plain, loss);
  const hyperparameters = hyperparametersOf(words, base);
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
    tellSettings(loss ?? 'ns', moved, { design, hyperparameters }, output);
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
  words.allow(['data', 'steps', 'kimg', 'minutes', 'step', 'engine'], 1);
  const which = words.argument('the number, id or name of a run');
  const limits = limitsOf(words);
  const step = words.integer('step', 0, mostSteps);
  const source = words.text('data');
  const engine = words.choice('engine', EngineName);
  await requireEngine(engine, interruption.signal);
  const watch = new RunWatch(output);
  const next = (command: string) => nextCommand(words, command);
  const app = openToChange(words, watch.listen);
  try {
    const resuming = app.runs.resume(namedRun(app, which, words).id, limits, {
      onProgress: (progress) => output.progress(progress),
      signal: interruption.signal,
      ...(step === undefined ? {} : { step }),
      ...(source === undefined ? {} : { source }),
      ...(engine === undefined ? {} : { engine }),
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
