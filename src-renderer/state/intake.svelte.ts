import { createContext } from 'svelte';
import { presets } from '../../src-shared/gan/presets.ts';
import type { Preview } from '../../src-shared/api.ts';
import type { ExperimentState } from './experiment.svelte.ts';
import type { FindFiles } from './found-files.ts';
import { designFor, settingsFor } from './fitting-design.ts';
import type { Send } from './send.ts';
import type { Studio } from './studio.svelte.ts';
import { Task } from './task.svelte.ts';
import { Upload } from './upload.svelte.ts';

/** How images come in: from the browser, from the server's own folders, or drawn by Ganvas. */
export class Intake {
  #upload: Upload | null = $state.raw(null);
  /** Images of which it is being found out what they are. */
  #looking: Task<Preview> | null = $state.raw(null);
  readonly #studio: Studio;
  readonly #send: Send;

  constructor(studio: Studio, send: Send) {
    this.#studio = studio;
    this.#send = send;
  }

  get upload(): Upload | null {
    return this.#upload;
  }
  get looking(): Task<Preview> | null {
    return this.#looking;
  }

  /** Uploads files for the open experiment, or for a new one. What goes wrong is said. */
  async takeFiles(find: FindFiles): Promise<void> {
    const { notices, experiment, api } = this.#studio;
    if (this.#upload !== null) {
      notices.say('Files are being uploaded already. Cancel that first, or wait.');
      return;
    }
    this.#studio.go({ place: 'Data' });
    const upload = new Upload(api, this.#send, find);
    this.#upload = upload;
    try {
      const { source, name, unreadable } = await upload.done;
      if (unreadable.length > 0)
        notices.say(
          `The browser could not read ${unreadable.length} files, such as ${unreadable[0]!}. They were left out.`,
        );
      this.#upload = null;
      await this.use(source, name, experiment);
    } catch (error) {
      notices.fail(error);
    } finally {
      this.#upload = null;
    }
  }

  /**
   * Images for an experiment, or for a new one whose design then fits them. What goes wrong is said.
   * @param source as `datasets.prepare` takes it
   * @param name what the new experiment is called
   */
  async use(
    source: string,
    name: string,
    experiment: ExperimentState | null = this.#studio.experiment,
  ): Promise<void> {
    const { api, notices } = this.#studio;
    if (experiment !== null) {
      experiment.change({
        source,
        imageSettings: experiment.imageSettings ?? settingsFor(experiment.editor.design),
      });
      return;
    }
    try {
      this.#looking = new Task((options) =>
        api.call('datasets.preview', { source, settings: null, count: 1 }, options),
      );
      const { settings } = await this.#looking.done;
      const created = await this.#studio.create(name, designFor(settings), {
        source,
        imageSettings: settings,
      });
      this.#studio.go({ place: 'Data', experiment: created.id });
    } catch (error) {
      notices.fail(error);
    } finally {
      this.#looking = null;
    }
  }

  /** A new experiment with the faces that Ganvas draws, and the quickest preset; prepares them at once. */
  async trySample(): Promise<void> {
    const [{ design }] = presets as [(typeof presets)[number]];
    try {
      const created = await this.#studio.create('Drawn faces', design, {
        source: 'sample',
        imageSettings: settingsFor(design),
      });
      this.#studio.go({ place: 'Data', experiment: created.id });
      await created.images.prepare();
    } catch (error) {
      this.#studio.notices.fail(error);
    }
  }
}

export const [getIntake, provideIntake] = createContext<Intake>();
