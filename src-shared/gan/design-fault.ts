/** What is wrong with a design file, for the person who wrote it. */
import * as v from 'valibot';
import { didYouMean } from '../did-you-mean.ts';
import { Activation, ConvBlock, DenseBlock, Design, Discriminator, MirrorOverrides } from './block.ts';

type Issue = v.BaseIssue<unknown>;
type Key = string | number;

/** Letters of a wrong value that are shown. */
const shown = 40;

const keysOf = ({ path }: Issue): Key[] =>
  (path ?? []).flatMap(({ key }) => (typeof key === 'string' || typeof key === 'number' ? [key] : []));

/** A field that nobody knows, as strict schemas tell of it. */
const isUnknown = (issue: Issue) => issue.expected === 'never';

/** The part of a design that lies at a path. */
function partAt(keys: readonly Key[]): string {
  const key = keys.at(-1);
  const outer = keys.slice(0, -1);
  if (key === undefined || keys[0] !== 'discriminator') return 'the design';
  if (keys.length === 1 || key === 'blocks') return 'the discriminator';
  if (key === 'image') return 'the image';
  return typeof key === 'number' ? `block ${key + 1}` : `the ${key} of ${partAt(outer)}`;
}

/** The fields that the part at a path may have. */
function fieldsAt(keys: readonly Key[], part: unknown): string[] {
  const of = ({ entries }: { entries: object }) => Object.keys(entries);
  switch (keys.at(-1)) {
    case undefined:
      return of(Design);
    case 'discriminator':
      return of(Discriminator);
    case 'image':
      return of(Discriminator.entries.image);
    case 'mirror':
      return of(MirrorOverrides);
    case 'activation':
      return Activation.options.flatMap(of);
    default:
      return of(v.is(v.looseObject({ kind: v.literal('dense') }), part) ? DenseBlock : ConvBlock);
  }
}

function asWritten(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return text.length > shown ? `${text.slice(0, shown)}…` : text;
}

/** The values that are allowed, out of `("conv" | "dense")`. */
const choices = (expected: string) => expected.replaceAll(/[()]/g, '').split(' | ');

function wanted({ type, expected, input, ...issue }: Issue): string {
  const requirement = 'requirement' in issue ? String(issue.requirement) : '';
  switch (type) {
    case 'number':
      return 'a number';
    case 'integer':
      return 'a whole number';
    case 'min_value':
      return `at least ${requirement}`;
    case 'max_value':
      return `at most ${requirement}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return 'a text';
    case 'min_length':
      return 'a text that is not empty';
    case 'max_length':
      return Array.isArray(input)
        ? `a list of at most ${requirement}`
        : `a text of at most ${requirement} letters`;
    case 'array':
      return 'a list';
    // Names are the only texts that are looked into.
    case 'check':
      return 'one line without control characters';
    case 'tuple':
      return 'two whole numbers, the vertical one first';
    case 'literal':
    case 'picklist':
    case 'variant':
      if (expected?.includes('"') === true) return `one of ${choices(expected).join(', ')}`;
      return 'an object in braces';
    default:
      return 'an object in braces';
  }
}

/** One sentence, or two where a word may be a mistyped one. @param issues of a strict schema of a design, at least one */
export function designFault(issues: readonly [Issue, ...Issue[]]): { place: string; message: string } {
  // A mistyped field is missing under its right name as well; the wrong one is what a person sees.
  const issue = issues.find(isUnknown) ?? issues[0];
  const keys = keysOf(issue);
  const place = keys.join('.') || 'the file';
  const { input: part, value } = issue.path?.at(-1) ?? { input: undefined, value: issue.input };
  const last = keys.at(-1);
  const outer = keys.slice(0, -1);
  if (isUnknown(issue)) {
    const field = String(last);
    const near = didYouMean(
      field,
      fieldsAt(outer, part).filter((name) => name !== field),
    );
    return { place, message: `Unknown field "${field}" in ${partAt(outer)}.${near}` };
  }
  if (issue.type === 'strict_object' && issue.received === 'undefined') {
    return { place, message: `The field "${String(last)}" is missing in ${partAt(outer)}.` };
  }
  if (typeof last === 'number' && outer.at(-1) !== 'blocks') {
    // One number of a pair.
    const pair = `"${String(outer.at(-1))}" in ${partAt(outer.slice(0, -1))}`;
    const message =
      issue.kind === 'validation'
        ? `Both numbers of ${pair} must be ${wanted(issue)}, not ${asWritten(value)}.`
        : `${pair} must be two whole numbers, the vertical one first, not ${asWritten(part)}.`;
    return { place, message };
  }
  const owner =
    typeof last === 'string'
      ? `"${last}" in ${partAt(outer)}`
      : partAt(keys).replace(/^./, (letter) => letter.toUpperCase());
  const near =
    issue.type === 'variant' && typeof value === 'string'
      ? didYouMean(
          value,
          choices(issue.expected ?? '').map((choice) => choice.slice(1, -1)),
        )
      : '';
  return { place, message: `${owner} must be ${wanted(issue)}, not ${asWritten(value)}.${near}` };
}
