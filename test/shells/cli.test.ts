import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { presets } from '../../src-shared/gan/presets.ts';
import type { Line } from './ganvas-process.ts';
import { installedCommand, linesOf, tinyTraining, Workplace } from './ganvas-process.ts';

const typesOf = (lines: readonly Line[]) => [...new Set(lines.map(({ type }) => type))];
const ofType = (lines: readonly Line[], type: string) => lines.filter((line) => line.type === type);

describe('wrong usage: status 2, a sentence, nothing made', () => {
  test.each([
    ['tain', 'There is no command "tain". There are: delete, engines,'],
    ['__proto__', 'There is no command "__proto__"'],
    ['train', 'train needs --data.'],
    ['train --data', '--data needs a value; to give it "--json", write --data=--json.'],
    ['train --data=', '--data needs a value.'],
    ['train --data x --bogus 3', 'There is no option --bogus.'],
    ['train --data x --grey=1', '--grey takes no value.'],
    ['train -d x', 'There is no option -d.'],
    ['train --data x --latent 5', 'train has no option --latent.'],
    ['train --data x extra', 'train does not know what to do with "extra".'],
    ['train --data x --preset dcgan-33', 'There is no preset "dcgan-33". There are: small-32, '],
    ['train --data x --preset small-32 --design tiny.json', 'Give either --preset or --design, not both.'],
    ['train --data x --fit shrink', '--fit must be one of crop, pad, stretch, not "shrink".'],
    ['train --data x --loss wgan', '--loss must be one of ns, ls, hinge, not "wgan".'],
    ['train --data x --engine tpu', '--engine must be one of auto, cuda, onnx, reference, not "tpu".'],
    ['train --data x --batch 0', '--batch must be a whole number from 1 to 4096, not "0".'],
    ['train --data x --batch 4097', '--batch must be a whole number from 1 to 4096'],
    ['train --data x --batch 1e3', '--batch must be a whole number'],
    ['train --data x --steps 1.5', '--steps must be a whole number from 1 to 1000000000, not "1.5".'],
    ['train --data x --steps=-4', '--steps must be a whole number'],
    ['train --data x --kimg 0', '--kimg must be a number from 0.001 to 1000000, not "0".'],
    ['train --data x --kimg 1e-9', '--kimg must be a number'],
    ['train --data x --minutes forever', '--minutes must be a number from 0.01 to 1000000, not "forever".'],
    ['train --data x --minutes Infinity', '--minutes must be a number'],
    ['train --data x --seed 9007199254740992', '--seed must be a whole number from 0 to 9007199254740991'],
    [
      'train --data x --resolution 2',
      '--resolution must be a number of pixels from 4 to 1024, or HEIGHTxWIDTH, not "2".',
    ],
    ['train --data x --resolution 32*32', '--resolution must be'],
    ['train --data x --resolution 32x2000', '--resolution must be'],
    ['train --data x --checkpoint-every 0', '--checkpoint-every must be a whole number'],
    ['mirror', 'mirror needs a preset or a design file.'],
    ['mirror dcgan-33', 'There is no preset "dcgan-33".'],
    ['mirror small-32 small-64', 'mirror does not know what to do with "small-64".'],
    ['mirror small-32 --latent 5000', '--latent must be a whole number from 1 to 4096'],
    ['sample-data', 'sample-data needs a folder to write to.'],
    ['sample-data faces --count 0', '--count must be a whole number from 1 to 1000000'],
    ['resume', 'resume needs the number, id or name of a run.'],
    ['resume 1 --batch 3', 'resume has no option --batch.'],
    ['show', 'show needs the number, id or name of a run.'],
    ['runs 1', 'runs does not know what to do with "1".'],
    ['sample 1', 'sample needs --out.'],
    ['export 1 --out x', 'export needs --format onnx|tfjs|safetensors|png.'],
    ['export 1 --out x --format pt', '--format must be one of onnx, tfjs, safetensors, png, not "pt".'],
    ['delete', 'delete needs the number, id or name of a run.'],
    ['engines --library=', '--library needs a value.'],
  ])('ganvas %s', async (text, sentence) => {
    const place = new Workplace();
    const before = place.listing();
    const { status, lines, stderr } = await place.json(text.split(' '));
    expect(status).toBe(2);
    expect(stderr).toContain(`ganvas: ${sentence}`);
    expect(stderr).toMatch(/ Try "ganvas --help"\.\n$/);
    const message = stderr.slice('ganvas: '.length).trimEnd();
    expect(lines).toEqual([{ type: 'error', code: 'usage', message, details: {} }]);
    expect(place.listing()).toEqual(before);
  });

  test('without --json nothing is printed but the sentence', async () => {
    const place = new Workplace();
    const stderr = 'ganvas: runs does not know what to do with "1". Try "ganvas --help".\n';
    expect(await place.run(['runs', '1'])).toEqual({ status: 2, signal: null, stdout: '', stderr });
  });
});

test('what it can do, and which it is', async () => {
  const place = new Workplace();
  const help = await place.run(['--help']);
  expect(help).toMatchObject({ status: 0, stderr: '' });
  const commands = [
    'mirror',
    'sample-data',
    'train',
    'resume',
    'runs',
    'show',
    'sample',
    'export',
    'engines',
    'delete',
  ];
  for (const command of commands) expect(help.stdout).toContain(`  ganvas ${command} `);
  for (const { name, description } of presets)
    expect(help.stdout).toMatch(new RegExp(`^  ${name} +${description}$`, 'm'));
  expect(Math.max(...help.stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  for (const words of [['help'], ['-h'], ['train', '--help']]) expect(await place.run(words)).toEqual(help);
  expect(await place.run([])).toEqual({ ...help, status: 2 });
  expect((await place.json([])).lines).toMatchObject([{ type: 'error', code: 'usage' }]);
  expect((await place.json(['--help'])).lines).toEqual([{ type: 'help', text: help.stdout.trimEnd() }]);
  const version = await place.run(['--version']);
  expect(version).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string });
  expect((await place.json(['--version'])).lines).toEqual([
    { type: 'version', version: version.stdout.trim() },
  ]);
});

const blocksOf = (name: string) =>
  presets.find((preset) => preset.name === name)!.design.discriminator.blocks.length;

describe('mirror', () => {
  test.each(presets.map(({ name }) => name))('%s face to face, within 100 columns', async (name) => {
    const place = new Workplace();
    const { status, stdout, stderr } = await place.run(['mirror', name]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const lines = stdout.split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(lines[0]).toMatch(/^DISCRIMINATOR .* GENERATOR /);
    expect(lines.filter((line) => /^\d+ (Conv|Dense) .* (ConvT|Dense) /.test(line))).toHaveLength(
      blocksOf(name),
    );
  });

  test('as data: the tutorial networks, number for number', async () => {
    const place = new Workplace();
    const plain = await place.run(['mirror', 'dcgan-64']);
    expect(plain.stdout).toMatch(/^2,765,568 parameters +3,576,704 parameters$/m);
    const { lines } = await place.json(['mirror', 'dcgan-64']);
    const parameters = { discriminator: 2_765_568, generator: 3_576_704 };
    expect(lines).toMatchObject([{ type: 'mirror', parameters, warnings: [] }]);
  });

  test('of a design file, with another latent dimension', async () => {
    const place = new Workplace();
    const { lines } = await place.json(['mirror', 'tiny.json', '--latent', '9']);
    expect(lines).toMatchObject([{ type: 'mirror', design: { name: 'tiny', latentDim: 9 } }]);
    const { stdout } = await place.run(['mirror', 'tiny.json', '--latent', '9']);
    expect(stdout).toContain('z, 9 numbers');
  });
});

describe('sample-data', () => {
  test('writes images in folders of their classes', async () => {
    const place = new Workplace();
    const { status, lines } = await place.json([
      'sample-data',
      'faces',
      '--count',
      '16',
      '--resolution',
      '12',
    ]);
    expect(status).toBe(0);
    expect(lines).toEqual([
      { type: 'sample-data', path: place.path('faces'), count: 16, resolution: 12, seed: 1 },
    ]);
    const classes = readdirSync(place.path('faces'));
    const files = classes.flatMap((name) =>
      readdirSync(place.path('faces', name)).map((file) => place.path('faces', name, file)),
    );
    expect(files).toHaveLength(16);
    expect(await sharp(files[0]).metadata()).toMatchObject({ format: 'png', width: 12, height: 12 });

    const before = place.listing();
    const again = await place.run(['sample-data', 'faces', '--count', '16']);
    expect(again).toMatchObject({ status: 1, stdout: '' });
    expect(again.stderr).toContain('is not empty, and nothing in it is overwritten');
    expect(place.listing()).toEqual(before);
  });

  test('says in words what it has written', async () => {
    const place = new Workplace();
    const { status, stdout } = await place.run(['sample-data', 'faces', '--count', '8', '--resolution', '8']);
    expect({ status, stdout }).toEqual({ status: 0, stdout: `8 images of 8x8 in ${place.path('faces')}\n` });
  });
});

test('from images to an exported generator, in JSON lines of the documented types', async () => {
  const place = new Workplace();
  const trained = await place.json([
    ...tinyTraining,
    ...[
      '--steps',
      '6',
      '--sample-every',
      '4',
      '--checkpoint-every',
      '3',
      '--name',
      'my faces',
      '--seed',
      '5',
    ],
  ]);
  expect(trained).toMatchObject({ status: 0, stderr: '' });
  const { lines } = trained;
  expect(typesOf(lines)).toEqual(['dataset', 'run', 'sample', 'step', 'checkpoint', 'done']);
  expect(lines[0]).toMatchObject({ type: 'dataset', count: 12, leftOut: [], leftOutCount: 0 });
  const [run] = ofType(lines, 'run');
  expect(run).toEqual({
    type: 'run',
    id: expect.stringMatching(/^\w{10}$/) as string,
    number: 1,
    name: 'my faces',
  });
  const steps = ofType(lines, 'step');
  expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
  for (const step of steps) {
    expect(Object.keys(step)).toEqual([
      'type',
      'step',
      'lossD',
      'lossG',
      'dReal',
      'dFake',
      'imagesPerSecond',
    ]);
    for (const value of Object.values(step).slice(1)) expect(value).toEqual(expect.any(Number));
  }
  expect(ofType(lines, 'sample').map(({ step }) => step)).toEqual([0, 4, 6]);
  for (const { path } of ofType(lines, 'sample')) {
    expect(await sharp(path as string).metadata()).toMatchObject({ format: 'png', width: 64, height: 64 });
  }
  expect(ofType(lines, 'checkpoint').map(({ step }) => step)).toEqual([3, 6]);
  for (const { path } of ofType(lines, 'checkpoint')) {
    expect(readdirSync(path as string).sort()).toEqual(['checkpoint.json', 'state.safetensors']);
  }
  expect(lines.at(-1)).toEqual({
    type: 'done',
    id: run!['id'],
    number: 1,
    state: 'done',
    step: 6,
    imagesSeen: 24,
    seconds: expect.any(Number) as number,
    sample: ofType(lines, 'sample').at(-1)!['path'],
    checkpoint: ofType(lines, 'checkpoint').at(-1)!['path'],
  });

  const resumed = await place.json(['resume', 'my faces', '--kimg', '0.03']);
  expect(resumed.status).toBe(0);
  expect(typesOf(resumed.lines)).toEqual(['run', 'step', 'sample', 'checkpoint', 'done']);
  expect(ofType(resumed.lines, 'step').map(({ step }) => step)).toEqual([7, 8]);
  const over = await place.json(['resume', '1']);
  expect(over).toMatchObject({ status: 1, lines: [{ type: 'error', code: 'run.at-its-end' }] });

  const runs = await place.json(['runs']);
  expect(runs.lines).toMatchObject([
    { type: 'run', number: 1, name: 'my faces', state: 'done', step: 8, imagesSeen: 32 },
  ]);
  const shown = await place.json(['show', '1']);
  expect(shown.lines).toMatchObject([
    {
      type: 'run',
      id: run!['id'],
      last: { step: 8 },
      checkpoints: [{ step: 3 }, { step: 6 }, { step: 8 }],
      exports: [],
    },
  ]);

  const sampled = await place.json(['sample', '1', '--count', '6', '--out', 'grid.png']);
  expect(sampled).toMatchObject({
    status: 0,
    lines: [{ type: 'sample', path: place.path('grid.png'), count: 6, seed: 1 }],
  });
  expect(await sharp(place.path('grid.png')).metadata()).toMatchObject({ width: 24, height: 16 });

  const exported = await place.json(['export', '1', '--format', 'onnx', '--out', 'generator.onnx']);
  expect(exported.status).toBe(0);
  expect(exported.lines).toEqual([
    {
      type: 'export',
      format: 'onnx',
      path: place.path('generator.onnx'),
      bytes: expect.any(Number) as number,
      difference: expect.any(Number) as number,
      step: 8,
    },
  ]);
  expect(exported.lines[0]!['difference']).toBeLessThan(1e-4);
  const again = await place.json(['export', '1', '--format', 'onnx', '--out', 'generator.onnx']);
  expect(again.status).toBe(1);
  expect(again.lines[0]!['message']).toContain('generator.onnx');

  const deleted = await place.json(['delete', run!['id'] as string]);
  expect(deleted).toMatchObject({ status: 0, lines: [{ type: 'deleted', number: 1 }] });
  expect((await place.json(['runs'])).lines).toEqual([]);
  expect(readdirSync(place.path('library', 'runs'))).toEqual([]);
  expect(existsSync(place.path('generator.onnx'))).toBe(true);
  expect(await place.json(['show', '1'])).toMatchObject({
    status: 1,
    lines: [{ type: 'error', code: 'run.missing' }],
  });
});

test('the same in words, without a trace of a terminal', async () => {
  const place = new Workplace();
  writeFileSync(place.path('no-image.txt'), 'text');
  const library = ['--library', place.path('elsewhere')];
  const trained = await place.run([...tinyTraining, '--steps', '3', ...library]);
  expect(trained).toMatchObject({ status: 0, stderr: '' });
  expect(trained.stdout).not.toMatch(/[\r\u001b█░]/);
  const words = trained.stdout.split('\n');
  expect(words[0]).toBe('Dataset sample:12x8: 12 images in 8 classes, seen as 8x8x3');
  expect(words[1]).toBe('Design "tiny": discriminator 256, generator 456 parameters');
  expect(words[2]).toBe('Run 1 "tiny"');
  expect(words[3]).toMatch(/^Engine onnx on CPU, \d+ threads?$/);
  expect(trained.stdout).toMatch(/^Done: 3 steps, 0\.0 kimg in 0:00 \([\d.,]+ images\/s\)\.$/m);
  expect(trained.stdout).toContain('Newest samples: elsewhere/runs/');
  expect(trained.stdout).toContain(
    `Export it: npx ganvas export 1 --format onnx --out generator.onnx --library ${place.path('elsewhere')}`,
  );
  expect(existsSync(place.library)).toBe(false);

  const [runs, shown, sampled, exported] = await Promise.all([
    place.run(['runs', ...library]),
    place.run(['show', 'tiny', ...library]),
    place.run(['sample', '1', '--out', 'grid.png', ...library]),
    place.run(['export', '1', '--format', 'png', '--out', 'generator.png', ...library]),
  ]);
  expect(runs.stdout).toMatch(
    /^run +name +state +step +kimg +images +data +created \(UTC\)\n1 +tiny +done +3 +0\.0 +8x8x3 +sample:12x8 +\S+ \S+\n$/,
  );
  for (const part of [
    /^state +done$/m,
    /^trained +3 steps/m,
    /^checkpoints +1, newest/m,
    / {2}queued\n.* {2}running\n.* {2}done\n$/,
  ]) {
    expect(shown.stdout).toMatch(part);
  }
  expect(sampled.stdout).toBe(`64 images in ${place.path('grid.png')}\n`);
  expect(exported.stdout).toContain(`Wrote ${place.path('generator.png')}`);
  const deleted = await place.run(['delete', '1', ...library]);
  expect(deleted.stdout).toMatch(/^Deleted run 1 "tiny" \(\d.*B\)\.\n$/);
  expect((await place.run(['runs', ...library])).stdout).toBe(`No runs yet in ${place.path('elsewhere')}.\n`);
});

test('nothing is left outside the library, nothing is sent anywhere', async () => {
  const place = new Workplace();
  await place.run([...tinyTraining, '--steps', '1']);
  await place.run(['export', '1', '--format', 'onnx', '--out', 'generator.onnx']);
  // The home folder is the workplace: what watches its users (ONNX Runtime does, unless told not to) leaves traces there.
  expect(readdirSync(place.dir).sort()).toEqual(['generator.onnx', 'library', 'tiny.json']);
});

test('engines: what can compute here, and how to get the rest', async () => {
  const place = new Workplace();
  const [plain, json] = await Promise.all([place.run(['engines']), place.json(['engines'])]);
  expect(json.lines.map(({ type, name }) => `${type} ${String(name)}`)).toEqual([
    'engine cuda',
    'engine onnx',
    'engine reference',
  ]);
  for (const { name, available, device, note } of json.lines) {
    expect(plain.stdout).toMatch(
      new RegExp(`^${String(name)} +${available === true ? String(device) : 'not here'}`, 'm'),
    );
    expect(plain.stdout.replace(/\s+/g, ' ')).toContain(note);
  }
  expect(existsSync(place.library)).toBe(false);
});

test('settings reach the run', async () => {
  const place = new Workplace();
  const trained = await place.json([
    ...[
      'train',
      '--data',
      'sample:8',
      '--resolution',
      '8x12',
      '--grey',
      '--batch',
      '2',
      '--minutes',
      '0.01',
      '--kimg',
      '0.004',
    ],
    ...['--loss', 'hinge', '--engine', 'reference', '--seed', '0', '--fit', 'pad'],
  ]);
  expect(trained.status).toBe(0);
  expect((await place.json(['show', '1'])).lines[0]).toMatchObject({
    name: 'DCGAN 8x12x1',
    seed: 0,
    engineWanted: 'reference',
    engine: 'reference',
    limits: { steps: null, kimg: 0.004, minutes: 0.01 },
    hyperparameters: { loss: 'hinge', batch: 2 },
    dataset: { settings: { height: 8, width: 12, channels: 1, fit: 'pad' } },
    design: { discriminator: { image: { height: 8, width: 12, channels: 1 } } },
  });
});

test('the same seed gives the same run, another another', async () => {
  const place = new Workplace();
  const checkpoints: Buffer[] = [];
  for (const seed of ['1', '1', '2']) {
    const { lines } = await place.json([...tinyTraining, '--steps', '3', '--seed', seed]);
    checkpoints.push(place.state(ofType(lines, 'done')[0]!['id'] as string, 3));
  }
  const [first, second, third] = checkpoints as [Buffer, Buffer, Buffer];
  expect(first.equals(second)).toBe(true);
  expect(first.equals(third)).toBe(false);
});

const installed = installedCommand();

test.skipIf(installed === null)('the installed command, on the Node of the machine', async () => {
  const place = new Workplace();
  const command = installed!;
  expect(await place.run(['--help'], { command })).toEqual(await place.run(['--help']));
  expect(await place.run(['tain'], { command })).toEqual(await place.run(['tain']));
  const trained = await place.run([...tinyTraining, '--steps', '2', '--json'], { command });
  expect(trained).toMatchObject({ status: 0, stderr: '' });
  expect(typesOf(linesOf(trained))).toEqual(['dataset', 'run', 'sample', 'step', 'checkpoint', 'done']);
});
