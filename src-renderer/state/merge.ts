/** Two windows have changed the same experiment: what either edited stays, field by field. Pure. */
import type { Block, Design } from '../../src-shared/gan/block.ts';
import { maxBlocks, unusedId } from '../../src-shared/gan/block.ts';
import type { History } from '../../src-shared/gan/history.ts';
import { commit, present } from '../../src-shared/gan/history.ts';
import type { Experiment } from '../../src-shared/library.ts';

/** What is edited in an experiment. */
export type Content = Pick<
  Experiment,
  'design' | 'hyperparameters' | 'measuring' | 'limits' | 'engine' | 'imageSettings' | 'source'
>;

export interface Merged {
  content: Content;
  /** What both had changed, in words; there it is as `ours` has it. */
  conflicts: string[];
}

/** Names of the keys between the whole and a field; of a block its id. */
type Path = readonly string[];
type Fields = Readonly<Record<string, unknown>>;

/**
 * Theirs, with what was edited in ours since `base` (a three-way merge). Blocks are known by their ids. Where both have changed one field to
 * different values, ours is taken: theirs was saved before.
 * @param base what both began with
 */
export function mergeContents(base: Content, ours: Content, theirs: Content): Merged {
  const paths: Path[] = [];
  const content = merge(base, ours, theirs, [], (path) => paths.push(path)) as Content;
  return { content, conflicts: paths.map((path) => inWords(path, content.design)) };
}

/**
 * The history of a merged design: ours where it goes on from theirs, else theirs with one more step, which Undo takes back. Where the design
 * is theirs it has no such step.
 */
export function mergeHistories(theirs: History, ours: History, design: Design): History {
  if (goesOn(ours, theirs) && same(design, present(ours).design)) return ours;
  if (same(design, present(theirs).design)) return theirs;
  return commit(theirs, { design, what: 'bring the edits of two windows together' });
}

/** Whether two values of plain data are equal, in whatever order their keys are. */
export function same(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, i) => same(item, b[i]));
  if (!isFields(a) || !isFields(b)) return a === b;
  return keysOf(a, b).every((key) => same(a[key], b[key]));
}

/** Whether `longer` is `shorter` with more edits. */
function goesOn(longer: History, shorter: History): boolean {
  return (
    longer.at >= shorter.at &&
    shorter.entries.slice(0, shorter.at + 1).every((entry, i) => same(entry, longer.entries[i]))
  );
}

function merge(
  base: unknown,
  ours: unknown,
  theirs: unknown,
  path: Path,
  conflict: (path: Path) => void,
): unknown {
  if (same(base, ours) || same(ours, theirs)) return theirs;
  if (same(base, theirs)) return ours;
  if (path.at(-1) === 'blocks')
    return mergeBlocks(base as Block[], ours as Block[], theirs as Block[], path, conflict);
  // Things of two kinds have different fields.
  if (!isFields(base) || !isFields(ours) || !isFields(theirs) || ours['kind'] !== theirs['kind']) {
    conflict(path);
    return ours;
  }
  const fields = keysOf(ours, theirs).map(
    (key) => [key, merge(base[key], ours[key], theirs[key], [...path, key], conflict)] as const,
  );
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
}

function mergeBlocks(
  base: readonly Block[],
  ours: readonly Block[],
  theirs: readonly Block[],
  path: Path,
  conflict: (path: Path) => void,
): readonly Block[] {
  // Blocks that share an id, which the page says and repairs, cannot be told apart.
  if ([base, ours, theirs].some((blocks) => byId(blocks).size < blocks.length)) {
    conflict(path);
    return ours;
  }
  const [was, here, there] = [byId(base), byId(withOwnIds(base, ours, theirs)), byId(theirs)];
  const merged = new Map<string, Block>();
  for (const id of new Set([...there.keys(), ...here.keys()])) {
    const [before, mine, other] = [was.get(id), here.get(id), there.get(id)];
    if (mine !== undefined && other !== undefined) {
      merged.set(id, merge(before, mine, other, [...path, id], conflict) as Block);
      continue;
    }
    const isNew = before === undefined;
    const isChanged = !isNew && !same(before, mine ?? other);
    // One has deleted what the other has changed.
    if (isChanged) conflict([...path, id]);
    if (isNew || (isChanged && mine !== undefined)) merged.set(id, (mine ?? other)!);
  }
  if (merged.size > maxBlocks) {
    conflict(path);
    return ours;
  }
  const weMoved = hasMoved(was, here);
  if (weMoved && hasMoved(was, there) && hasMoved(there, here)) conflict(path);
  return inOrder(merged, weMoved ? [here, there] : [there, here]);
}

type Blocks = ReadonlyMap<string, Block>;

const byId = (blocks: readonly Block[]): Blocks => new Map(blocks.map((block) => [block.id, block]));

/** Our new blocks under ids that theirs have not: both windows give a new block the first id that is free. */
function withOwnIds(base: readonly Block[], ours: readonly Block[], theirs: readonly Block[]): Block[] {
  const [was, there] = [byId(base), byId(theirs)];
  const all = [...base, ...ours, ...theirs];
  return ours.map((block) => {
    const other = there.get(block.id);
    if (was.has(block.id) || other === undefined || same(block, other)) return block;
    const renamed = { ...block, id: unusedId(all) };
    all.push(renamed);
    return renamed;
  });
}

/** Whether the blocks that both have are in another order. */
function hasMoved(before: Blocks, after: Blocks): boolean {
  const order = [...after.keys()].filter((id) => before.has(id));
  return !same(
    order,
    [...before.keys()].filter((id) => after.has(id)),
  );
}

/** Blocks in the order of `lead`; those that only `other` has stand behind the block that they stand behind there. */
function inOrder(blocks: Blocks, [lead, other]: readonly [lead: Blocks, other: Blocks]): Block[] {
  const ids = [...lead.keys()].filter((id) => blocks.has(id));
  let before: string | undefined;
  for (const id of other.keys()) {
    if (!blocks.has(id)) continue;
    if (!ids.includes(id)) ids.splice(before === undefined ? 0 : ids.indexOf(before) + 1, 0, id);
    before = id;
  }
  return ids.map((id) => blocks.get(id)!);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const keysOf = (a: Fields, b: Fields): string[] => [...new Set([...Object.keys(a), ...Object.keys(b)])];

/** What the page calls fields whose names in the data say too little. */
const names: Readonly<Record<string, string>> = {
  latentDim: 'length of z',
  name: 'name of the design',
  blocks: 'order or number of the blocks',
  mirror: 'values of the generator',
  steps: 'limit of steps',
  kimg: 'limit of images',
  minutes: 'limit of minutes',
  source: 'chosen images',
};

/** `the kernel of block 2`, `the learning rate of the generator` */
function inWords(path: Path, { discriminator: { blocks } }: Design): string {
  const field = path.at(-1)!;
  const isInBlock = path.includes('blocks') && field !== 'blocks';
  const id = isInBlock ? path[path.indexOf('blocks') + 1]! : null;
  const index = blocks.findIndex((block) => block.id === id);
  const block = index === -1 ? 'a block' : `block ${index + 1}`;
  if (field === id) return block;
  const word = names[field] ?? field.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  if (id !== null) return `the ${word} of ${block}${path.includes('mirror') ? "'s mirror" : ''}`;
  const network = path[0] === 'hyperparameters' ? path.at(-2) : undefined;
  return network === 'discriminator' || network === 'generator'
    ? `the ${word} of the ${network}`
    : `the ${word}`;
}
