import { cpSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { presets } from '../../src-shared/gan/presets.ts';
import { command } from './command.ts';
import type { Line } from './ganvas-process.ts';
import { changed, installedCommand, linesOf, tinyTraining, Workplace } from './ganvas-process.ts';

const typesOf = (lines: readonly Line[]) => [...new Set(lines.map(({ type }) => type))];
const ofType = (lines: readonly Line[], type: string) => lines.filter((line) => line.type === type);

describe('wrong usage: status 2, a sentence, nothing made', () => {
  test.each([
    ['tain', 'There is no command "tain". Did you mean "train"? There are: datasets, delete, engines,'],
    ['__proto__', 'There is no command "__proto__". There are: '],
    ['trian', 'There is no command "trian". Did you mean "train"? There are: '],
    ['train', 'train needs --data.'],
    ['train --data x --resoltuion 32', 'There is no option --resoltuion. Did you mean "--resolution"?'],
    ['train --data x --preset smlal-32', 'There is no preset "smlal-32". Did you mean "small-32"?'],
    ['train --data x --data y', '--data is given more than once. Give it once.'],
    ['train --data x --grey --grey', '--grey is given more than once.'],
    ['train --data x --lr 0', '--lr must be a number from 1e-9 to 1, not "0".'],
    ['train --data x --lr-d=-0.1', '--lr-d must be a number from 1e-9 to 1, not "-0.1".'],
    ['train --data x --lr-g NaN', '--lr-g must be a number from 1e-9 to 1, not "NaN".'],
    ['train --data x --lr 1e-400', '--lr must be a number from 1e-9 to 1'],
    ['train --data', '--data needs a value; to give it "--json", write --data=--json.'],
    ['train --data=', '--data needs a value.'],
    ['train --data x --bogus 3', 'There is no option --bogus.'],
    ['train --data x --resoluton 32', 'There is no option --resoluton. Did you mean "--resolution"?'],
    ['train --data x --grey=1', '--grey takes no value.'],
    ['train -d x', 'There is no option -d.'],
    ['train --data x --latent 5', 'train has no option --latent.'],
    ['train --data x extra', 'train does not know what to do with "extra".'],
    [
      'train --data x --preset dcgan-33',
      'There is no preset "dcgan-33". Did you mean "dcgan-32"? There are: small-32, ',
    ],
    ['train --data x --preset small-32 --design tiny.json', 'Give either --preset or --design, not both.'],
    ['train --data x --fit shrink', '--fit must be one of crop, pad, stretch, not "shrink".'],
    ['train --data x --loss gan', '--loss must be one of ns, ls, hinge, wgan, wgan-gp, r1, not "gan".'],
    [
      'train --data x --engine tpu',
      '--engine must be one of auto, cuda, webgpu, onnx, tensorflow-cpu, reference, not "tpu".',
    ],
    [
      'train --data x --augment fog,cutout',
      '--augment must be some of colour,translation,cutout with commas between them, or none, not "fog,cutout".',
    ],
    [
      'train --data x --optimizer adam2',
      '--optimizer must be one of adam, adamw, rmsprop, sgd, not "adam2".',
    ],
    ['train --data x --d-steps 0', '--d-steps must be a whole number from 1 to 100, not "0".'],
    ['train --data x --batch 0', '--batch must be a whole number from 1 to 4096, not "0".'],
    ['train --data x --batch 4097', '--batch must be a whole number from 1 to 4096'],
    ['train --data x --batch 1e3', '--batch must be a whole number'],
    ['train --data x --steps 1.5', '--steps must be a whole number from 1 to 1000000000, not "1.5".'],
    ['train --data x --steps=-4', '--steps must be a whole number'],
    ['train --data x --kimg 0', '--kimg must be a number from 0.001 to 1000000, not "0".'],
    ['train --data x --kimg 1e-9', '--kimg must be a number'],
    ['train --data x --lr 2', '--lr must be a number from 1e-9 to 1, not "2".'],
    ['train --data x --lr-d 2e4', '--lr-d must be a number from 1e-9 to 1'],
    ['train --data x --lr-g fast', '--lr-g must be a number from 1e-9 to 1'],
    ['train --data x --beta1 1', '--beta1 must be a number from 0 to 0.9999'],
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
    ['sample-data <blank>', 'sample-data needs a folder to write to.'],
    ['show <blank>', 'show needs the number, id or name of a run.'],
    ['mirror <blank>', 'mirror needs a preset or a design file.'],
    ['rename 1 <blank>', 'rename needs a new name behind the run.'],
    ['rename <blank> name', 'rename needs the number, id or name of a run.'],
    ['train --data <blank>', '--data needs a value.'],
    ['train --data x --name <blank>', '--name needs a value.'],
    ['datasets --delete <blank>', '--delete needs a value.'],
    ['sample-data faces --count 0', '--count must be a whole number from 1 to 1000000'],
    ['resume', 'resume needs the number, id or name of a run.'],
    ['resume 1 --step last', '--step must be a whole number from 0 to 1000000000, not "last".'],
    ['resume 1 --batch 3', 'resume has no option --batch.'],
    ['show', 'show needs the number, id or name of a run.'],
    ['runs 1', 'runs does not know what to do with "1".'],
    ['sample 1', 'sample needs --out.'],
    ['sample 1 --out grid.jpg', 'sample writes a PNG picture: --out must end in .png, not "grid.jpg".'],
    ['sample 1 --out grid', 'sample writes a PNG picture: --out must end in .png'],
    ['rename', 'rename needs the number, id or name of a run.'],
    ['rename 1', 'rename needs a new name behind the run.'],
    ['rename 1 2', 'rename does not take "2": digits alone always mean the run of that number'],
    [
      'rename 1 two words',
      'rename does not know what to do with "words". Put what has spaces in it in quotes.',
    ],
    ['train --data x --name 7', '--name does not take "7": digits alone always mean the run of that number'],
    ['train x', 'train does not know what to do with "x". To train on it, say --data x.'],
    ['train --data x --step 5', 'train has no option --step. Did you mean "steps"?'],
    ['rename 1 my faces', 'rename does not know what to do with "faces".'],
    ['datasets faces', 'datasets does not know what to do with "faces".'],
    ['datasets --delete x --delete-unused', 'Give either --delete or --delete-unused, not both.'],
    ['export 1 --out x', 'export needs --format onnx|tfjs|safetensors|png.'],
    ['export 1 --out x --format pt', '--format must be one of onnx, tfjs, safetensors, png, not "pt".'],
    ['export 1 --out x.png --format onnx', '--format onnx writes a file: --out must end in .onnx.'],
    ['export 1 --out x --format png', '--format png writes a file: --out must end in .png.'],
    [
      'export 1 --out x.safetensors --format safetensors',
      '--format safetensors writes a folder: --out names one, without ".safetensors".',
    ],
    [
      'export 1 --out x.json --format tfjs',
      '--format tfjs writes a folder: --out names one, without ".json".',
    ],
    ['delete', 'delete needs the number, id or name of a run.'],
    ['engines --library=', '--library needs a value.'],
  ])('ganvas %s', async (text, sentence) => {
    const place = new Workplace();
    const before = place.listing();
    const words = text.split(' ').map((word) => (word === '<blank>' ? ' ' : word));
    const { status, lines, stderr } = await place.json(words);
    expect(status).toBe(2);
    expect(stderr).toContain(`ganvas: ${sentence}`);
    expect(stderr).toMatch(/ Try "npx ganvas --help"\.\n$/);
    const message = stderr.slice('ganvas: '.length).trimEnd();
    expect(lines).toEqual([{ type: 'error', code: 'usage', message, details: {} }]);
    expect(place.listing()).toEqual(before);
  });

  test.each([
    [
      '--data sample:-5x16',
      'dataset.sample',
      '"sample:-5x16" does not name a sample dataset. Write sample, ',
    ],
    ['--data sample:0', 'dataset.sample', '"sample:0" does not name a sample dataset.'],
    [
      '--data x --preset dcgan-32 --resolution 48',
      'design.resolution',
      'The design "dcgan-32" is made for 32x32x3 and cannot take 48x48x3: Block 4 ',
    ],
    ['--data x --preset small-128 --resolution 8', 'design.resolution', ' cannot take 8x8x3'],
    [
      '--data x --loss hinge --label-smoothing 0.1',
      'training.combination',
      'Repair: Switch label smoothing off',
    ],
    ['--data x --gp 10', 'training.combination', 'Repair: Use layer normalisation in the discriminator'],
    ['--data x --preset dense-28 --batch 1', 'training.batch-of-one', ' Choose a batch of 2 or more'],
  ])('ganvas train %s: with a code of its own', async (text, code, sentence) => {
    const place = new Workplace();
    const before = place.listing();
    const { status, lines, stderr } = await place.json(['train', ...text.split(' ')]);
    expect({ status, lines }).toMatchObject({ status: 2, lines: [{ type: 'error', code }] });
    expect(stderr).toContain(sentence);
    expect(place.listing()).toEqual(before);
  });

  test.skipIf(process.platform === 'win32')('names that are not UTF-8', async () => {
    const place = new Workplace();
    // A shell hands on bytes that the arguments of a process started from here cannot hold.
    const through = (script: string) => place.run([], { command: ['/bin/sh', '-c', script, ...command] });
    const word = await through(`exec "$0" "$@" sample-data "$(printf 'bad\\377')"`);
    expect(word).toMatchObject({ status: 2, stdout: '' });
    expect(word.stderr).toContain('"bad\uFFFD" is not UTF-8 text');
    const here = await through(
      `mkdir "$(printf 'bad\\377')"; cd "$(printf 'bad\\377')"; exec "$0" "$@" mirror small-32`,
    );
    expect(here).toMatchObject({ status: 1, stdout: '' });
    expect(here.stderr).toContain('is not UTF-8 text. Change to another folder, or rename it first.');
    const gone = await through(`mkdir gone; cd gone; rmdir ../gone; exec "$0" "$@" mirror small-32`);
    expect(gone).toMatchObject({ status: 1, stdout: '' });
    expect(gone.stderr).toContain('The folder that you are in is not there any more.');
  });

  test('without --json nothing is printed but the sentence', async () => {
    const place = new Workplace();
    const stderr = 'ganvas: runs does not know what to do with "1". Try "npx ganvas --help".\n';
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
    'rename',
    'delete',
    'datasets',
  ];
  for (const command of commands) expect(help.stdout).toContain(`  ganvas ${command} `);
  for (const { name, description } of presets)
    expect(help.stdout).toMatch(new RegExp(`^  ${name} +${description}$`, 'm'));
  for (const words of ['a file that ends in .onnx', 'ends in .png', 'are folders', 'a pipe that is closed'])
    expect(help.stdout).toContain(words);
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

test('the README shows what mirror prints, whole', async () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const [, name = '', shown = ''] = /^\$ npx ganvas mirror (\S+)\n([^`]+)```$/m.exec(readme) ?? [];
  const place = new Workplace();
  const { stdout } = await place.run(['mirror', name]);
  expect(shown).toBe(stdout);
  expect(stdout).not.toContain('Note:');
});

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

  test('as data: its design, taken out, is a design file', async () => {
    const place = new Workplace();
    const { lines } = await place.json(['mirror', 'small-32', '--latent', '9']);
    writeFileSync(place.path('mine.json'), JSON.stringify(lines[0]!['design']));
    const again = await place.json(['mirror', 'mine.json']);
    expect(again).toMatchObject({ status: 0, stderr: '' });
    expect(again.lines).toEqual(lines);
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
  const trained = await place.json(
    changed(
      tinyTraining,
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
    ),
  );
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
    from: 0,
    limits: { steps: 6, kimg: null, minutes: null },
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

  const resumed = await place.json(['resume', 'my faces', '--kimg', '0.03', '--engine', 'onnx']);
  expect(resumed.status).toBe(0);
  expect(typesOf(resumed.lines)).toEqual(['run', 'step', 'sample', 'checkpoint', 'done']);
  expect(ofType(resumed.lines, 'step').map(({ step }) => step)).toEqual([7, 8]);
  expect(resumed.lines[0]).toMatchObject({ from: 6, limits: { steps: null, kimg: 0.03, minutes: null } });
  const over = await place.json(['resume', '1']);
  expect(over).toMatchObject({ status: 1, lines: [{ type: 'error', code: 'run.at-its-end' }] });

  const runs = await place.json(['runs']);
  expect(runs.lines).toMatchObject([
    {
      type: 'run',
      number: 1,
      name: 'my faces',
      state: 'done',
      step: 8,
      imagesSeen: 32,
      engineWanted: 'onnx',
    },
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
  const grid = readFileSync(place.path('grid.png'));
  const overwriting = await place.json(['sample', '1', '--seed', '9', '--out', 'grid.png']);
  expect(overwriting).toMatchObject({ status: 1, lines: [{ type: 'error', code: 'disk.exists' }] });
  expect(overwriting.stderr).toBe(
    `ganvas: ${place.path('grid.png')} exists already. Remove it or choose another name.\n`,
  );
  expect(readFileSync(place.path('grid.png')).equals(grid)).toBe(true);

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
  expect(words[2]).toBe('Run 1 "tiny": from the beginning, until step 3');
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
    /^checkpoints +steps 3, newest/m,
    /^learning rates +D 0\.0002, G 0\.0002$/m,
    /^on disk +\S+ kB, and \S+ kB of prepared images that no other run uses$/m,
    / {2}queued\n.* {2}running\n.* {2}done\n$/,
  ]) {
    expect(shown.stdout).toMatch(part);
  }
  expect(sampled.stdout).toBe(`64 images in ${place.path('grid.png')}\n`);
  expect(exported.stdout).toContain(`Wrote ${place.path('generator.png')}`);
  const [, levels] =
    /rounded to a picture's 256 levels: no value is off by more than (\S+) of a level\.\n$/.exec(
      exported.stdout,
    )!;
  expect(Number(levels)).toBeGreaterThan(0);
  expect(Number(levels)).toBeLessThanOrEqual(0.5);
  const deleted = await place.run(['delete', '1', ...library]);
  expect(deleted.stdout).toMatch(
    /^Deleted run 1 "tiny" for good \(\d.*B\), and with it the experiment "tiny", which has no other run\.\nIts images stay prepared \(\d.*B\), though/,
  );
  const [, key = ''] =
    / To delete them: npx ganvas datasets --delete (\w+) --library /.exec(deleted.stdout) ?? [];
  expect((await place.run(['datasets', '--delete', key, ...library])).status).toBe(0);
  expect(readdirSync(place.path('elsewhere', 'cache'))).toEqual([]);
  expect((await place.run(['runs', ...library])).stdout).toBe(`No runs yet in ${place.path('elsewhere')}.\n`);
});

test('a run without a name is called by its images, with a number where that name is taken', async () => {
  const place = new Workplace();
  await place.run(['sample-data', 'pictures', '--count', '8', '--resolution', '8']);
  const unnamed = tinyTraining.slice(0, tinyTraining.indexOf('--name'));
  for (const data of ['sample:12x8', 'pictures', 'pictures', 'pictures']) {
    expect((await place.run([...changed(unnamed, '--data', data), '--steps', '1'])).status).toBe(0);
    // Of a run that is gone the name is free again.
    if (data === 'pictures') await place.run(['delete', 'pictures']);
  }
  await place.run([...changed(unnamed, '--data', 'pictures'), '--steps', '1']);
  await place.run([...changed(unnamed, '--data', 'pictures'), '--steps', '1']);
  const names = (await place.json(['runs'])).lines.map(({ name }) => name);
  expect(names).toEqual(['pictures 2', 'pictures', 'Drawn faces']);
});

test('where a run goes from and to is said when it begins', async () => {
  const place = new Workplace();
  const first = async (args: readonly string[]) => {
    const { stdout } = await place.run(args);
    return stdout.split('\n').find((line) => line.startsWith('Run '));
  };
  const begins = 'Run 1 "tiny": from the beginning, ';
  expect(await first([...tinyTraining, '--minutes', '0.01', '--steps', '2'])).toBe(
    `${begins}until step 2 or for 0.01 minutes, whichever comes first`,
  );
  expect(await first(['resume', '1', '--minutes', '0.01'])).toBe(
    'Run 1 "tiny": from step 2, for 0.01 more minutes',
  );
  const { step } = (await place.json(['runs'])).lines[0] as unknown as { step: number };
  expect(await first(['resume', '1'])).toBe(
    `Run 1 "tiny": from step ${step.toLocaleString('en-US')}, for 0.01 more minutes, as before`,
  );
  expect(await first(['resume', '1', '--step', '0', '--kimg', '0.008'])).toBe(`${begins}until 0.008 kimg`);
  const unlimited = place.start(tinyTraining);
  await unlimited.printed(/^Run 2 "tiny": .*\n/m);
  unlimited.process.kill('SIGINT');
  expect((await unlimited.ended).stdout).toContain(
    'Run 2 "tiny": from the beginning, until step 2,000 (unless --steps, --kimg or --minutes say otherwise)\n',
  );
});

test('a run gets another name', async () => {
  const place = new Workplace();
  await place.run([...tinyTraining, '--steps', '1']);
  expect(await place.json(['rename', 'tiny', 'my faces'])).toMatchObject({
    status: 0,
    lines: [{ type: 'renamed', number: 1, name: 'my faces', experiment: expect.any(String) as string }],
  });
  const back = await place.run(['rename', 'my faces', 'tiny']);
  expect(back.stdout).toBe('Run 1 "my faces" is called "tiny" now; and so is its experiment.\n');
  expect((await place.json(['runs'])).lines).toMatchObject([{ number: 1, name: 'tiny' }]);
  const called = await place.json(['runs']);
  for (const name of [' ', 'a\u001b[2Jb', 'x'.repeat(201)]) {
    expect(await place.json(['rename', '1', name])).toMatchObject({ status: 2, lines: [{ code: 'usage' }] });
    const named = await place.json(changed(tinyTraining, '--name', name));
    expect(named).toMatchObject({ status: 2, lines: [{ code: 'usage' }] });
    const design = JSON.parse(readFileSync(place.path('tiny.json'), 'utf8')) as object;
    writeFileSync(place.path('named.json'), JSON.stringify({ ...design, name }));
    expect((await place.json(['mirror', 'named.json'])).lines).toMatchObject([{ code: 'design.invalid' }]);
  }
  expect(await place.json(['runs'])).toEqual(called);
});

describe('a damaged checkpoint', () => {
  const training = [...tinyTraining, '--steps', '6', '--checkpoint-every', '2', '--sample-every', '2'];

  /** A run with checkpoints of the steps 2, 4 and 6, in which one bit of the last has flipped, far from any header. */
  async function damagedRun(place: Workplace): Promise<string> {
    const { lines } = await place.json(training);
    const { id, checkpoint } = ofType(lines, 'done')[0] as unknown as { id: string; checkpoint: string };
    const file = join(checkpoint, 'state.safetensors');
    const bytes = readFileSync(file);
    bytes[bytes.length - 8]! ^= 1;
    writeFileSync(file, bytes);
    return id;
  }

  test('is no dead end: resume, sample and export say which command takes an earlier one, and it works', async () => {
    const place = new Workplace();
    const id = await damagedRun(place);
    const attempts: [string[], string][] = [
      [['sample', '1', '--out', 'grid.png'], 'sample 1 --out grid.png --step 4'],
      [
        ['export', '1', '--format', 'onnx', '--out', 'my generator.onnx'],
        "export 1 --format onnx --out 'my generator.onnx' --step 4",
      ],
      [['resume', '1', '--steps', '8'], 'resume 1 --steps 8 --step 4'],
    ];
    for (const [args, next] of attempts) {
      const { status, lines, stderr } = await place.json(args);
      expect(status).toBe(1);
      // Nothing is said of a run that begins before its checkpoint has been read.
      expect(lines).toMatchObject([{ type: 'error', code: 'checkpoint.damaged' }]);
      expect(stderr).toContain(' The checkpoint of step 4 is whole. ');
      expect(stderr.trimEnd().endsWith(`: npx ganvas ${next}`), stderr).toBe(true);
    }
    const wrong = await place.json(['sample', '1', '--out', 'grid.png', '--step', '3']);
    expect(wrong).toMatchObject({ status: 1, lines: [{ code: 'checkpoint.missing' }] });
    expect(wrong.stderr).toContain('It has those of the steps 2, 4, 6.');

    expect((await place.json(['sample', '1', '--out', 'grid.png', '--step', '4'])).status).toBe(0);
    const exporting = ['export', '1', '--format', 'png', '--out', 'generator.png', '--step', '2'];
    expect((await place.json(exporting)).lines).toMatchObject([{ type: 'export', step: 2 }]);

    const resumed = await place.json(['resume', '1', '--steps', '8', '--step', '4']);
    expect(resumed.status).toBe(0);
    expect(ofType(resumed.lines, 'step').map(({ step }) => step)).toEqual([5, 6, 7, 8]);
    const straight = (await place.json(changed(training, '--steps', '8'))).lines.at(-1)!;
    expect(place.state(id, 8).equals(place.state(straight['id'] as string, 8))).toBe(true);
    const { samples, checkpoints } = (await place.json(['show', '1'])).lines[0] as unknown as {
      samples: { step: number }[];
      checkpoints: { step: number }[];
    };
    expect(samples.map(({ step }) => step)).toEqual([0, 2, 4, 6, 8]);
    expect(checkpoints.map(({ step }) => step)).toEqual([4, 6, 8]);
  });

  test('that is not the only one: the one before it is not offered', async () => {
    const place = new Workplace();
    const id = await damagedRun(place);
    const fourth = place.path('library', 'runs', id, 'checkpoints', '00000004', 'state.safetensors');
    writeFileSync(fourth, 'no tensors');
    const { stderr } = await place.json(['sample', '1', '--out', 'grid.png']);
    expect(stderr).toMatch(
      / The checkpoint of step 2 is whole\. With step 2: npx ganvas sample 1 --out grid\.png --step 2\n$/,
    );
  });

  test('that is asked for by its step: refused, and what came after it stays', async () => {
    const place = new Workplace();
    const { lines } = await place.json(training);
    const [second] = ofType(lines, 'checkpoint') as unknown as { path: string }[];
    writeFileSync(join(second!.path, 'state.safetensors'), 'no tensors');
    const before = await place.json(['show', '1']);
    const listing = place.listing();
    const { status, stderr } = await place.json(['resume', '1', '--step', '2']);
    expect(status).toBe(1);
    expect(stderr).toMatch(
      / is damaged: .* There is no earlier checkpoint\. Begin again: npx ganvas resume 1 --step 0\n$/,
    );
    expect(await place.json(['show', '1'])).toEqual(before);
    expect(place.listing()).toEqual(listing);
  });

  test('that is the only one: the run begins again where that is wished', async () => {
    const place = new Workplace();
    const { lines } = await place.json([...tinyTraining, '--steps', '2']);
    const { checkpoint } = lines.at(-1) as unknown as { checkpoint: string };
    writeFileSync(join(checkpoint, 'state.safetensors'), 'no tensors');
    const { stderr } = await place.json(['resume', '1', '--steps', '3']);
    expect(stderr).toMatch(
      / There is no earlier checkpoint\. Begin again: npx ganvas resume 1 --steps 3 --step 0\n$/,
    );
    const again = await place.json(['resume', '1', '--steps', '3', '--step', '0']);
    expect(again.lines.at(-1)).toMatchObject({ type: 'done', state: 'done', step: 3 });
  });
});

test('a training that breaks down says which options set the learning rates', async () => {
  const place = new Workplace();
  const { lines } = await place.json([...tinyTraining, '--steps', '1']);
  const { checkpoint } = lines.at(-1) as unknown as { checkpoint: string };
  // Numbers so large that the next step must overflow, in a checkpoint from before there were checksums.
  const file = join(checkpoint, 'state.safetensors');
  const bytes = readFileSync(file);
  const data = 8 + Number(bytes.readBigUInt64LE());
  for (let at = data; at < bytes.length; at += 4) bytes.writeFloatLE(3e38, at);
  writeFileSync(file, bytes);
  const description = join(checkpoint, 'checkpoint.json');
  const text = readFileSync(description, 'utf8');
  writeFileSync(description, text.replace(/,\s*"stateSha256": "\w+"/, ''));
  const { status, stderr } = await place.json(['resume', '1', '--steps', '2']);
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /Start a new run with lower learning rates; .* "ganvas train" takes them as --lr, or --lr-d and --lr-g\.\n$/,
  );
});

describe('datasets', () => {
  test('are listed with what they take and who uses them, and deleted', async () => {
    const place = new Workplace();
    expect(await place.json(['datasets'])).toMatchObject({ status: 1, lines: [{ code: 'library.missing' }] });
    await place.run([...tinyTraining, '--steps', '1']);
    await place.run(changed([...tinyTraining, '--steps', '1'], '--data', 'sample:9x8'));
    await place.run(['delete', '2']);
    const { lines } = await place.json(['datasets']);
    expect(lines).toMatchObject([
      { type: 'prepared', source: 'sample:9x8', count: 9, runs: [] },
      { type: 'prepared', source: 'sample:12x8', count: 12, runs: [{ number: 1, name: 'tiny' }] },
    ]);
    for (const { key, bytes, lastUsedAt } of lines) {
      const files = place.listing(place.path('library', 'cache', key as string));
      expect(bytes).toBe(files.reduce((sum, file) => sum + Number(file.split(' ').at(-1)), 0));
      expect(lastUsedAt).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
    }
    const [unused, used] = lines as unknown as [{ key: string }, { key: string }];
    const { stdout } = await place.run(['datasets']);
    expect(stdout).toMatch(/^key +data +images +size +on disk +last used \(UTC\) +runs\n/);
    expect(stdout).toMatch(
      new RegExp(`^${unused.key.slice(0, 10)} +sample:9x8 +9 +8x8x3 +\\S+ kB .* none$`, 'm'),
    );
    expect(stdout).toMatch(/ 1\n\S+ kB in all\n$/);

    const wrong = await place.json(['datasets', '--delete', 'sample:7x8']);
    expect(wrong).toMatchObject({ status: 1, lines: [{ code: 'dataset.not-prepared' }] });
    expect(wrong.stderr).toContain('"npx ganvas datasets" lists those that are.');
    // Nobody's data goes by a word too short to mean one thing.
    expect((await place.json(['datasets', '--delete', used.key.slice(0, 3)])).status).toBe(1);

    const gone = await place.json(['datasets', '--delete-unused']);
    expect(gone).toMatchObject({ status: 0, lines: [{ type: 'deleted', key: unused.key }] });
    expect(readdirSync(place.path('library', 'cache'))).toEqual([used.key]);
    expect((await place.run(['datasets', '--delete-unused'])).stdout).toContain('nothing was deleted');

    const named = await place.run(['datasets', '--delete', used.key.slice(0, 10)]);
    expect(named.stdout).toMatch(/^Deleted the images prepared from sample:12x8 \(.*\)\. .* resumed: 1\.\n$/);
    expect(readdirSync(place.path('library', 'cache'))).toEqual([]);
    expect((await place.run(['datasets'])).stdout).toBe(`No images are prepared in ${place.library}.\n`);
    expect((await place.json(['resume', '1', '--steps', '2'])).status).toBe(0);
    expect((await place.json(['datasets', '--delete', 'sample:12x8'])).lines).toMatchObject([
      { key: used.key },
    ]);
  });
});

test('a run whose images and prepared images are gone says so, and goes on with them where they lie now', async () => {
  const place = new Workplace();
  const [older, now, wrong] = ['older', 'now', 'wrong'].map((name) => place.path(name)) as [
    string,
    string,
    string,
  ];
  await place.run(['sample-data', older, '--count', '12', '--resolution', '8']);
  await place.run(['sample-data', wrong, '--count', '11', '--resolution', '8']);
  const training = ['train', '--design', 'tiny.json', '--batch', '4', '--data', older, '--steps', '2'];
  expect((await place.run(training)).status).toBe(0);
  renameSync(older, now);
  const deleted = await place.json(['datasets', '--delete', older]);
  expect(deleted.lines).toMatchObject([{ type: 'deleted' }]);
  const gone = await place.json(['resume', '1', '--steps', '4']);
  expect(gone).toMatchObject({ status: 1, lines: [{ code: 'dataset.gone' }] });
  expect(gone.stderr).toBe(
    `ganvas: The prepared images are not in the library any more, and what they were made from is not at ${older} any more. ` +
      'Put it back there. Or say where it lies now: npx ganvas resume 1 --data PATH\n',
  );
  const refused = await place.json(['resume', '1', '--steps', '4', '--data', 'wrong']);
  expect(refused.lines).toMatchObject([{ code: 'dataset.changed' }]);
  expect(refused.stderr).toContain('(12 then, 11 now)');
  const resumed = await place.json(['resume', '1', '--steps', '4', '--data', 'now']);
  expect(resumed.lines.at(-1)).toMatchObject({ type: 'done', state: 'done', step: 4 });
  expect((await place.json(['runs'])).lines).toMatchObject([{ dataset: { source: now } }]);

  // The cache is one for all the places that the images were in.
  cpSync(now, older, { recursive: true });
  expect((await place.run([...training, '--name', 'second'])).status).toBe(0);
  expect((await place.json(['datasets'])).lines).toMatchObject([{ source: older, sources: [older, now] }]);
  expect((await place.run(['datasets', '--delete', now])).stdout).toContain(
    'Deleted the images prepared from',
  );
  expect((await place.json(['datasets'])).lines).toEqual([]);
});

test('what a design of 1024 pixels costs is said before it is trained', async () => {
  const place = new Workplace();
  const call = place.start([
    'train',
    '--data',
    'sample:2',
    '--resolution',
    '1024',
    '--batch',
    '2',
    '--steps',
    '1',
  ]);
  await call.printed(/^Note: Images of 1024x1024x3 [^]*for\s+a\s+step\s+with\s+2\s+images[^]*\nRun 1 /m);
  call.process.kill('SIGTERM');
  const { status, stdout } = await call.ended;
  expect(status).toBe(130);
  expect(stdout).toContain('Stopped before its first step');
});

test('what looks, changes or deletes makes no library where there is none', async () => {
  const place = new Workplace();
  const before = place.listing();
  for (const args of [
    ['runs'],
    ['show', '1'],
    ['datasets'],
    ['datasets', '--delete', 'x'],
    ['datasets', '--delete-unused'],
    ['rename', '1', 'x'],
    ['delete', '1'],
    ['resume', '1'],
    ['sample', '1', '--out', 'x.png'],
    ['export', '1', '--format', 'onnx', '--out', 'x.onnx'],
  ]) {
    const { status, lines, stderr } = await place.json(args);
    expect({ args, status, lines }).toMatchObject({ status: 1, lines: [{ code: 'library.missing' }] });
    expect(stderr).toContain(`There is no Ganvas library in ${place.library}.`);
    expect(place.listing()).toEqual(before);
  }
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
    'engine webgpu',
    'engine onnx',
    'engine tensorflow-cpu',
    'engine reference',
  ]);
  for (const { name, available, device, note } of json.lines) {
    expect(plain.stdout).toMatch(
      new RegExp(`^${String(name)} +${available === true ? String(device) : 'not here'}`, 'm'),
    );
    expect(plain.stdout.replace(/\s+/g, ' ')).toContain(note);
  }
  expect(json.lines.find(({ name }) => name === 'onnx')).toMatchObject({
    memoryBytes: expect.any(Number) as number,
  });
  expect(plain.stdout).toMatch(/^onnx +CPU, \d+ threads?, [\d.]+ [GM]B of memory$/m);
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
    ...['--lr', '1e-4', '--lr-g', '0.0003', '--beta1', '0'],
    ...['--augment', 'cutout,colour', '--augment-target', '0.5', '--flip'],
  ]);
  expect(trained.status).toBe(0);
  expect((await place.json(['show', '1'])).lines[0]).toMatchObject({
    name: 'Drawn faces',
    seed: 0,
    engineWanted: 'reference',
    engine: 'reference',
    limits: { steps: null, kimg: 0.004, minutes: 0.01 },
    hyperparameters: {
      loss: 'hinge',
      batch: 2,
      discriminator: { learningRate: 1e-4, beta1: 0 },
      generator: { learningRate: 3e-4, beta1: 0 },
      augmentation: {
        colour: true,
        translation: false,
        cutout: true,
        probability: 0,
        adaptive: { target: 0.5, kimg: 500 },
      },
      mirrorFlips: true,
    },
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
