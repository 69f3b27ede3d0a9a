/** Starts trainers as processes of their own, on the Node that Ganvas brings, whatever runs this shell. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { toErrorData } from '../../src-shared/errors.ts';
import type { Command } from '../../src-shared/trainer-protocol.ts';
import { TrainerEvent } from '../../src-shared/trainer-protocol.ts';
import type { Trainer, TrainerHost, TrainerListener } from '../core/trainer-host.ts';

/** What a trainer may know of the shell's environment: enough to find libraries and devices, no tokens, no Node options. */
const passedOn = [
  'PATH',
  'HOME',
  'USERPROFILE',
  'SYSTEMROOT',
  'TEMP',
  'TMP',
  'TMPDIR',
  'LANG',
  'LD_LIBRARY_PATH',
  'CUDA_VISIBLE_DEVICES',
  'VK_ICD_FILENAMES',
  'VK_DRIVER_FILES',
];

/** The environment a trainer gets. */
export function trainerEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const found = passedOn.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]));
  return Object.fromEntries(found) as NodeJS.ProcessEnv;
}

/** Most characters of a dead trainer's last words that are kept. */
const lastWordsLength = 2000;

/** @param node path of the Node binary that trainers run on */
export function createTrainerHost(node: string): TrainerHost {
  const entry = fileURLToPath(new URL('../trainer/main.ts', import.meta.url));
  return {
    start(listener: TrainerListener): Trainer {
      const child = spawn(node, [entry], {
        env: trainerEnvironment(process.env),
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        windowsHide: true,
      });
      let lastWords = '';
      let ended = false;
      /** Commands for a process that does not listen yet. */
      let early: Command[] | null = [];
      const end = (reason: string) => {
        if (ended) return;
        ended = true;
        listener.onExit(reason);
      };
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        lastWords = (lastWords + text).slice(-lastWordsLength);
      });
      child.on('message', (message) => {
        if (ended) return;
        const event = v.safeParse(TrainerEvent, message);
        if (!event.success) {
          const error = new Error(`The trainer sent what nobody understands: ${event.issues[0].message}`);
          listener.onEvent({ type: 'failed', error: toErrorData(error) });
        } else if (event.output.type === 'ready') {
          early?.forEach((command) => child.send(command));
          early = null;
        } else {
          listener.onEvent(event.output);
        }
      });
      child.on('error', (error) => end(`it could not be started (${error.message})`));
      // `close` comes after the last output, `exit` may come before it.
      child.on('close', (status, signal) => {
        const how = signal === null ? `it ended with status ${status}` : `it was killed by ${signal}`;
        const said = lastWords.trim();
        end(said === '' ? how : `${how}, saying: ${said}`);
      });
      return {
        send(command: Command) {
          if (early !== null) early.push(command);
          // A process that is gone says so by `close`.
          else child.send(command, () => undefined);
        },
        kill() {
          child.kill('SIGKILL');
        },
      };
    },
  };
}
