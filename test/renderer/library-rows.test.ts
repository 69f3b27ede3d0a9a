import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bestOf, shownMetric } from '../../src-renderer/features/library/metrics.ts';
import type { Column, ExperimentRow, LibraryContent } from '../../src-renderer/features/library/rows.ts';
import { filtered, nextOrder, noFilter, rowsOf, sorted } from '../../src-renderer/features/library/rows.ts';
import { kimgWords, sourceWords } from '../../src-renderer/features/library/words.ts';
import type { Metric } from '../../src-shared/library.ts';
import type { RunState } from '../../src-shared/training.ts';
import { anExperiment, aRun } from './library-content.ts';

const fid = (value: number, name = 'fid'): Metric => ({ step: 1, name, value, protocol: {} });

const content = (more: Partial<LibraryContent> = {}): LibraryContent => ({
  experiments: [],
  runs: [],
  runBytes: {},
  metrics: new Map(),
  metric: null,
  sourceNames: new Map(),
  ...more,
});

describe('rows', () => {
  it('say what the newest run is, the space of all, and when anything was last touched', () => {
    const experiments = [
      anExperiment({ id: 'e1', name: 'Faces', updatedAt: 500 }),
      anExperiment({ id: 'e2' }),
    ];
    const runs = [
      aRun({ id: 'b', experiment: 'e1', number: 2, state: 'running', imagesSeen: 4200, createdAt: 300 }),
      aRun({ id: 'a', experiment: 'e1', number: 1, state: 'done', imagesSeen: 9000, endedAt: 900 }),
    ];
    const [first, second] = rowsOf(
      content({
        experiments,
        runs,
        runBytes: { a: 10, b: 5 },
        metric: 'fid',
        metrics: new Map([['b', [fid(9), fid(7), fid(8)]]]),
      }),
    );
    expect(first).toMatchObject({
      name: 'Faces',
      state: 'running',
      kimg: 4.2,
      metric: 7,
      bytes: 15,
      date: 900,
    });
    expect(first?.run?.id).toBe('b');
    expect(first?.runs.map(({ bytes, metric }) => [bytes, metric])).toEqual([
      [5, 7],
      [10, null],
    ]);
    expect(second).toMatchObject({ run: null, state: null, kimg: null, metric: null, bytes: 0, runs: [] });
  });

  it('say that something trains, also where another run waits behind it', () => {
    const runs = (['queued', 'running', 'done'] as const).map((state, i) =>
      aRun({ id: state, experiment: 'e1', number: 3 - i, state }),
    );
    const [row] = rowsOf(content({ experiments: [anExperiment({ id: 'e1' })], runs }));
    expect(row).toMatchObject({ state: 'running', run: { id: 'queued' } });
  });

  it('call the images what people call them', () => {
    const names = new Map([
      ['/data/cats.zip', 'cats.zip'],
      ['upload:1', 'my pets'],
    ]);
    expect(sourceWords('sample:5000x32', names)).toBe('Drawn faces');
    expect(sourceWords('upload:1', names)).toBe('my pets');
    expect(sourceWords('upload:2', names)).toBe('Uploaded images');
    expect(sourceWords('/pictures/dogs/', names)).toBe('dogs');
    expect(sourceWords('C:\\pictures\\birds', names)).toBe('birds');
  });

  it('write thousands of images short', () =>
    expect([0, 4.26, 1234.5].map(kimgWords)).toEqual(['0', '4.3', '1,235']));
});

describe('the filter', () => {
  const rows = rowsOf(
    content({
      experiments: [
        anExperiment({ id: 'e1', name: 'Faces', tags: ['good', 'paper'] }),
        anExperiment({ id: 'e2', name: 'Dogs', source: '/pictures/dogs' }),
      ],
      runs: [aRun({ experiment: 'e1', name: 'with hinge', state: 'done' })],
    }),
  );
  const names = (filter: Partial<typeof noFilter>) =>
    filtered(rows, { ...noFilter, ...filter }).map(({ name }) => name);

  it.each([
    ['nothing', {}, ['Faces', 'Dogs']],
    ['words anywhere, in any order', { text: 'HINGE fac' }, ['Faces']],
    ['a word that only the tags say', { text: 'paper' }, ['Faces']],
    ['images', { text: 'dogs' }, ['Dogs']],
    ['a state', { state: 'done' as const }, ['Faces']],
    ['what was never trained', { state: 'untrained' as const }, ['Dogs']],
    ['a tag', { tag: 'good' }, ['Faces']],
    ['all of them at once', { tag: 'good', text: 'dogs' }, []],
  ])('by %s', (_, filter, expected) => expect(names(filter)).toEqual(expected));
});

describe('sorting', () => {
  const columns: Column[] = [
    'name',
    'state',
    'dataset',
    'design',
    'engine',
    'kimg',
    'metric',
    'bytes',
    'date',
  ];
  const states: (RunState | null)[] = ['queued', 'running', 'paused', 'stopped', 'done', 'failed', null];
  const row: fc.Arbitrary<ExperimentRow> = fc
    .record({
      name: fc.string(),
      state: fc.constantFrom(...states),
      dataset: fc.constantFrom('', 'a', 'b'),
      design: fc.string(),
      engine: fc.constantFrom('', 'onnx'),
      kimg: fc.option(fc.nat(5)),
      metric: fc.option(fc.double({ noNaN: true })),
      bytes: fc.nat(5),
      date: fc.nat(5),
    })
    .map((said) => ({ ...said, experiment: anExperiment({}), run: null, runs: [] }));
  const says = (said: ExperimentRow, column: Column) => said[column] !== null && said[column] !== '';

  it('keeps every row, puts those that say nothing last, and turns the others around', () => {
    fc.assert(
      fc.property(fc.array(row), fc.constantFrom(...columns), (rows, column) => {
        const up = sorted(rows, { column, descending: false });
        const down = sorted(rows, { column, descending: true });
        expect(new Set(up)).toEqual(new Set(rows));
        expect(up).toHaveLength(rows.length);
        const silent = rows.filter((said) => !says(said, column));
        for (const order of [up, down]) expect(order.slice(rows.length - silent.length)).toEqual(silent);
        const values = (order: ExperimentRow[]) =>
          order.filter((said) => says(said, column)).map((said) => said[column]);
        if (column === 'kimg' || column === 'metric' || column === 'bytes' || column === 'date') {
          expect(values(up)).toEqual(values(rows).toSorted((a, b) => Number(a) - Number(b)));
          expect(values(down)).toEqual(values(up).toReversed());
        }
      }),
    );
  });

  it('keeps the order of equal rows', () => {
    fc.assert(
      fc.property(fc.array(row), fc.boolean(), (rows, descending) => {
        const order = sorted(rows, { column: 'bytes', descending });
        for (let i = 1; i < order.length; i += 1) {
          if (order[i - 1]!.bytes === order[i]!.bytes)
            expect(rows.indexOf(order[i - 1]!)).toBeLessThan(rows.indexOf(order[i]!));
        }
      }),
    );
  });

  it('counts numbers in names, and puts what trains first', () => {
    const named = (name: string, state: RunState | null) => ({
      ...rowsOf(content({ experiments: [anExperiment({ name })] }))[0]!,
      state,
    });
    const rows = [named('run 10', 'done'), named('Run 9', null), named('run 1', 'running')];
    const names = (column: Column) => sorted(rows, { column, descending: false }).map(({ name }) => name);
    expect(names('name')).toEqual(['run 1', 'Run 9', 'run 10']);
    expect(names('state')).toEqual(['run 1', 'run 10', 'Run 9']);
  });

  it('begins with the largest number, or with A, and turns around', () => {
    const start = { column: 'date', descending: true } as const;
    expect(nextOrder(start, 'date')).toEqual({ column: 'date', descending: false });
    expect(nextOrder(start, 'bytes')).toEqual({ column: 'bytes', descending: true });
    expect(nextOrder(start, 'name')).toEqual({ column: 'name', descending: false });
  });
});

describe('metrics', () => {
  it('are shown where there are any: the one that most runs have', () => {
    expect(shownMetric([])).toBeNull();
    expect(shownMetric([[], []])).toBeNull();
    expect(shownMetric([[fid(1, 'kid'), fid(2, 'kid')], [fid(1)], [fid(3)]])).toBe('fid');
  });

  it('are best when low, scores when high', () => {
    expect(bestOf([fid(9), fid(3), fid(5)], 'fid')?.value).toBe(3);
    expect(bestOf([fid(0.5, 'precision'), fid(0.9, 'precision')], 'precision')?.value).toBe(0.9);
    expect(bestOf([fid(9)], 'kid')).toBeNull();
  });
});
