/** The command line's entry: one command, its output, its exit status. */
import { AppError, toErrorData } from '../../../src-shared/errors.ts';
import { version } from '../../core/system.ts';
import { datasetsCommand } from './datasets-command.ts';
import { enginesCommand, exportCommand, sampleCommand } from './generator-commands.ts';
import type { Interruption } from './interruption.ts';
import { interruptedStatus, unread, watchInterrupts } from './interruption.ts';
import { measureCommand } from './measure-command.ts';
import { mirrorCommand } from './mirror-command.ts';
import { isMangled, Words } from './options.ts';
import type { Output } from './output.ts';
import { createOutput } from './output.ts';
import { deleteCommand, renameCommand, runsCommand, showCommand } from './run-commands.ts';
import { sampleDataCommand } from './sample-data-command.ts';
import { serveCommand } from './serve-command.ts';
import { didYouMean } from '../../../src-shared/did-you-mean.ts';
import { resumeCommand, trainCommand } from './train-command.ts';
import { program, usage, UsageError } from './usage.ts';

/** Does one command. Returns the exit status. */
type Command = (words: Words, output: Output, interruption: Interruption) => number | Promise<number>;

const commands: Readonly<Record<string, Command>> = {
  datasets: datasetsCommand,
  delete: deleteCommand,
  engines: enginesCommand,
  export: exportCommand,
  measure: measureCommand,
  mirror: mirrorCommand,
  rename: renameCommand,
  resume: resumeCommand,
  runs: runsCommand,
  sample: sampleCommand,
  'sample-data': sampleDataCommand,
  serve: serveCommand,
  show: showCommand,
  train: trainCommand,
};

/** Errors with a code of their own that only the words of the call can cause. */
const causedByWords: readonly string[] = [
  'dataset.sample',
  'design.resolution',
  'training.batch-of-one',
  'training.combination',
];

/** No path can be told from a folder that is gone, or whose name came in mangled. @throws AppError `path.no-folder`, `path.not-utf8` */
function requireFolder(): void {
  let here: string;
  try {
    here = process.cwd();
  } catch (cause) {
    const message = 'The folder that you are in is not there any more. Change to another one.';
    throw new AppError('path.no-folder', message, {}, { cause });
  }
  if (!isMangled(here)) return;
  throw new AppError(
    'path.not-utf8',
    `The name of the folder that you are in, ${here}, is not UTF-8 text. Change to another folder, or rename it first.`,
  );
}

async function run(args: readonly string[], output: Output, interruption: Interruption): Promise<number> {
  const words = Words.parse(args);
  const name = words.command;
  if (words.flag('version')) {
    output.json({ type: 'version', version: version() });
    output.line(version());
    return 0;
  }
  if (words.flag('help') || name === 'help') {
    output.json({ type: 'help', text: usage });
    output.line(usage);
    return 0;
  }
  if (name === undefined) {
    output.json({ type: 'error', code: 'usage', message: `No command is given. Try "${program} --help".` });
    output.line(usage);
    return 2;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    const names = Object.keys(commands);
    throw new UsageError(
      `There is no command "${name}".${didYouMean(name, names)} There are: ${names.join(', ')}.`,
    );
  }
  requireFolder();
  return command(words, output, interruption);
}

/** @returns the exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted */
async function main(args: readonly string[]): Promise<number> {
  const output = createOutput(args.includes('--json'), process);
  const interruption = watchInterrupts(process, (status) => process.exit(status));
  try {
    return await run(args, output, interruption);
  } catch (error) {
    if (error instanceof UsageError) {
      output.error({ code: 'usage', message: `${error.message} Try "${program} --help".`, details: {} });
      return 2;
    }
    const data = toErrorData(error);
    if (data.code === 'cancelled' && interruption.unread) output.notice(`${unread} ${data.message}`);
    else if (data.code === 'internal') {
      const where = error instanceof Error ? `\n${error.stack}` : '';
      output.error({ ...data, message: `Something went wrong inside Ganvas: ${data.message}${where}` });
    } else {
      output.error(data);
    }
    if (data.code === 'cancelled') return interruptedStatus;
    return causedByWords.includes(data.code) ? 2 : 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
