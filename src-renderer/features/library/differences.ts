/** What differs between runs, and nothing else: settings, images, engine, and both networks block by block. Pure. */
import { measureLabel } from '../../../src-shared/measures.ts';
import type { Activation, Block, Design, Pair } from '../../../src-shared/gan/block.ts';
import type { GeneratorBlock } from '../../../src-shared/gan/mirror.ts';
import { mirror } from '../../../src-shared/gan/mirror.ts';
import { normWords } from '../../../src-shared/gan/norm.ts';
import type { BlockShapes } from '../../../src-shared/gan/shape.ts';
import { discriminatorShapes } from '../../../src-shared/gan/shape.ts';
import { summary } from '../../../src-shared/gan/summary.ts';
import type { Run } from '../../../src-shared/library.ts';
import { settingsInWords } from '../../../src-shared/setting-words.ts';
import { shapeWords } from '../../ui/words.ts';
import { activationNames } from '../design/words.ts';
import { alignBlocks } from './align.ts';

/** Something that can be said of a run: what it is called, and its value in words. */
export type Fact = readonly [name: string, value: string];

export interface Difference {
  name: string;
  /** One a run; null where there is no such thing. */
  values: readonly (string | null)[];
}

export interface DifferenceGroup {
  title: string;
  differences: readonly Difference[];
}

/** The facts that are not the same in all columns, in the order in which they are first told. */
export function differing(columns: readonly (readonly Fact[])[]): Difference[] {
  const maps = columns.map((facts) => new Map(facts));
  const names = new Set(columns.flatMap((facts) => facts.map(([name]) => name)));
  return [...names]
    .map((name) => ({ name, values: maps.map((facts) => facts.get(name) ?? null) }))
    .filter(({ values }) => values.some((value) => value !== values[0]));
}

/** @param sourceWords what people call a source of images */
export function runDifferences(
  runs: readonly Run[],
  sourceWords: (source: string) => string,
): DifferenceGroup[] {
  const groups: DifferenceGroup[] = [
    { title: 'Training', differences: differing(runs.map(trainingFacts)) },
    { title: 'Images', differences: imageDifferences(runs, sourceWords) },
    { title: 'Design', differences: differing(runs.map(({ design }) => designFacts(design))) },
    ...blockDifferences(runs.map(({ design }) => design)),
  ];
  return groups.filter(({ differences }) => differences.length > 0);
}

function trainingFacts(run: Run): Fact[] {
  const { hyperparameters, measuring, limits, forkedFrom } = run;
  const ends = [
    ...(limits.steps === null ? [] : [`at step ${limits.steps}`]),
    ...(limits.kimg === null ? [] : [`at ${limits.kimg} kimg`]),
    ...(limits.minutes === null ? [] : [`after ${limits.minutes} min`]),
  ];
  return [
    ...settingsInWords(hyperparameters),
    ['measured every', measuring.every === null ? 'never' : String(measuring.every)],
    ['images measured', String(measuring.images)],
    ['best kept by', measureLabel(measuring.best)],
    [
      'ends without progress',
      measuring.patience === null ? 'never' : `after ${measuring.patience} checkpoints`,
    ],
    ['ends', ends.length === 0 ? 'when stopped' : ends.join(' or ')],
    ['seed', String(run.seed)],
    ['engine', run.engine ?? run.engineWanted],
    ['device', run.device ?? '–'],
    ['forked from', forkedFrom === null ? '–' : `step ${forkedFrom.step} of another run`],
  ];
}

function imageDifferences(runs: readonly Run[], sourceWords: (source: string) => string): Difference[] {
  const told = differing(runs.map((run) => imageFacts(run, sourceWords)));
  if (told.length > 0) return told;
  // Two folders of one name, or one folder at two times.
  return differing(
    runs.map(({ dataset }) => [['content', `fingerprint ${dataset.fingerprint.slice(0, 8)}`]]),
  );
}

function imageFacts({ dataset }: Run, sourceWords: (source: string) => string): Fact[] {
  const { source, settings, count, classes } = dataset;
  return [
    ['images', sourceWords(source)],
    ['how many', String(count)],
    ['size', shapeWords(settings)],
    ['fit', settings.fit],
    ['classes', String(classes.length)],
  ];
}

function designFacts(design: Design): Fact[] {
  const { discriminator, latentDim, name } = design;
  const counts = summaryOf(design);
  return [
    ['name', name],
    ['image', shapeWords(discriminator.image)],
    ['z', String(latentDim)],
    ['blocks', String(discriminator.blocks.length)],
    ['parameters of D', counts?.discriminator.parameters.toLocaleString('en') ?? '–'],
    ['parameters of G', counts?.generator.parameters.toLocaleString('en') ?? '–'],
  ];
}

/** Null for a design that does not fit: nothing can be derived from it. */
function derived<Result>(work: () => Result): Result | null {
  try {
    return work();
  } catch {
    return null;
  }
}
const summaryOf = (design: Design) => derived(() => summary(design));

/** Both networks, block by block: those of the designs that resemble each other stand side by side. */
export function blockDifferences(designs: readonly Design[]): DifferenceGroup[] {
  const shapes = designs.map(({ discriminator }) => discriminatorShapes(discriminator));
  const generators = designs.map(({ discriminator, latentDim }) =>
    derived(() => mirror(discriminator, latentDim)),
  );
  const rows = alignBlocks(designs.map(({ discriminator }) => discriminator.blocks));
  /** For each row, the index of each design's block in that design; -1 where it has none. */
  const indices = rows.map((row, r) =>
    row.map((block, i) =>
      block === null ? -1 : rows.slice(0, r).filter((above) => above[i] !== null).length,
    ),
  );
  const discriminator = rows.map((row, r) => {
    const at = indices[r]!;
    const columns = row.map((block, i) => (block === null ? null : blockFacts(block, shapes[i]![at[i]!])));
    return group(`Discriminator, block ${places(at)}`, columns);
  });
  const generator = indices.toReversed().map((row) => {
    const at = row.map((index, i) => (index < 0 ? -1 : designs[i]!.discriminator.blocks.length - 1 - index));
    const columns = at.map((index, i) => {
      const block = generators[i]?.blocks[index];
      return block === undefined ? null : generatorFacts(block);
    });
    return group(`Generator, block ${places(at)}`, columns);
  });
  return [...discriminator, ...generator].filter(({ differences }) => differences.length > 0);
}

/** Numbers of the blocks as people count them, each once. */
function places(at: readonly number[]): string {
  return [...new Set(at.filter((index) => index >= 0).map((index) => index + 1))].join(' / ');
}

function group(title: string, columns: readonly (readonly Fact[] | null)[]): DifferenceGroup {
  // Where a block is missing, the others are told whole, in one line; what differs among those is told as ever.
  const there = columns.flatMap((facts, i) => (facts === null ? [] : [i]));
  const inner = differing(there.map((i) => columns[i]!)).map(({ name, values }) => ({
    name,
    values: columns.map((_, i) => values[there.indexOf(i)] ?? null),
  }));
  if (there.length === columns.length || there.length === 0) return { title, differences: inner };
  const whole = columns.map((facts) => facts?.[0]?.[1] ?? null);
  return { title, differences: [{ name: 'block', values: whole }, ...inner] };
}

const onOff = (on: boolean) => (on ? 'on' : 'off');
const pair = ([height, width]: Pair) => (height === width ? String(height) : `${height}×${width}`);

function activationWords(activation: Activation): string {
  const name = activationNames.find(([kind]) => kind === activation.kind)?.[1] ?? activation.kind;
  return activation.kind === 'leakyRelu' ? `${name} ${activation.slope}` : name;
}

function sharedFacts(block: Block | GeneratorBlock): Fact[] {
  return [
    ['bias', onOff(block.bias)],
    ['norm', normWords[block.norm]],
    ['spectral norm', onOff(block.spectralNorm)],
    ['activation', activationWords(block.activation)],
    ['dropout', String(block.dropout)],
  ];
}

/** The first of them is its kind. */
function blockFacts(block: Block, shapes: BlockShapes | undefined): Fact[] {
  const stddev: Fact = ['minibatch standard deviation', onOff(block.minibatchStddev)];
  const reads: Fact[] =
    shapes === undefined
      ? []
      : [
          ['reads', shapeWords(shapes.input)],
          ['gives', shapeWords(shapes.output)],
        ];
  if (block.kind === 'dense')
    return [
      ['kind', 'fully connected'],
      ...reads,
      ['features', String(block.outFeatures)],
      ...sharedFacts(block),
      stddev,
    ];
  return [
    ['kind', 'convolution'],
    ...reads,
    ['channels', String(block.outChannels)],
    ['kernel', pair(block.kernel)],
    ['stride', pair(block.stride)],
    ['padding', pair(block.padding)],
    ['max pooling', pair(block.maxPool) === '1' ? 'off' : pair(block.maxPool)],
    ...sharedFacts(block),
    stddev,
  ];
}

function generatorFacts(block: GeneratorBlock): Fact[] {
  const reads: Fact[] = [
    ['reads', shapeWords(block.input)],
    ['gives', shapeWords(block.output)],
  ];
  if (block.kind === 'dense') return [['kind', 'fully connected'], ...reads, ...sharedFacts(block)];
  return [
    ['kind', 'transposed convolution'],
    ...reads,
    ['un-pooling', pair(block.unpool) === '1' ? 'off' : pair(block.unpool)],
    ['repeated edge', pair(block.edge)],
    ['kernel', pair(block.kernel)],
    ['stride', pair(block.stride)],
    ['padding', pair(block.padding)],
    ['output padding', pair(block.outputPadding)],
    ...sharedFacts(block),
  ];
}
