import { createContext } from 'svelte';
import { presets } from '../../src-shared/gan/presets.ts';
import type { Preview } from '../../src-shared/api.ts';
import { namedAfter } from '../../src-shared/library.ts';
import type { ImageSettings } from '../../src-shared/dataset.ts';
import type { Desktop } from '../../src-shared/desktop.ts';
import type { ExperimentState } from './experiment.svelte.ts';
import type { FindFiles } from './found-files.ts';
import { designFor, settingsFor } from './fitting-design.ts';
import type { Send } from './send.ts';
import type { Studio } from './studio.svelte.ts';
import { Task } from './task.svelte.ts';
import { Upload } from './upload.svelte.ts';

/** Files that are dropped together and read where they are: their paths are one call. */
const selectable = 20_000;

/** How images come in: from the browser, from the server's own folders, or drawn by Ganvas. */
export class Intake {
  #upload: Upload | null = $state.raw(null);
  /** Images of which it is being found out what they are. */
  #looking: Task<Preview> | null = $state.raw(null);
  readonly #studio: Studio;
  readonly #send: Send;
  readonly #desktop: Desktop | undefined;

  /** @param desktop where files need not be uploaded, since the core reads them where they are */
  constructor(studio: Studio, send: Send, desktop?: Desktop) {
    this.#studio = studio;
    this.#send = send;
    this.#desktop = desktop;
  }

  get upload(): Upload | null {
    return this.#upload;
  }
  get looking(): Task<Preview> | null {
    return this.#looking;
  }

  /**
   * Takes what was dropped or pasted: where it lies, if the core can read it there; else its files are uploaded.
   * To be called while the event is being handled.
   */
  async take(dropped: ArrayLike<File>, find: FindFiles): Promise<void> {
    const source = await this.#sourceOf(Array.from(dropped));
    if (source === null) return this.takeFiles(find);
    this.#studio.go({ place: 'Data' });
    await this.use(source);
  }

  /** What files are on this machine, as a source; null where they are none, or on none that the core reads. */
  async #sourceOf(files: readonly File[]): Promise<string | null> {
    const desktop = this.#desktop;
    if (desktop === undefined || files.length === 0 || files.length > selectable) return null;
    const paths = await Promise.all(files.map((file) => desktop.pathOf(file)));
    if (paths.includes('')) return null;
    if (paths.length === 1) return paths[0]!;
    try {
      return (await this.#studio.api.call('datasets.select', { paths })).source;
    } catch (error) {
      this.#studio.notices.fail(error);
      return null;
    }
  }

  /** A folder or file that the person chooses in the system's dialog. What goes wrong is said. */
  async choose(kind: 'folder' | 'file'): Promise<void> {
    try {
      const path = await this.#studio.api.call('datasets.choose', { kind });
      if (path !== null) await this.use(path);
    } catch (error) {
      this.#studio.notices.fail(error);
    }
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
      const { source, unreadable } = await upload.done;
      if (unreadable.length > 0)
        notices.say(
          `The browser could not read ${unreadable.length} files, such as ${unreadable[0]!}. They were left out.`,
        );
      this.#upload = null;
      await this.use(source, null, experiment);
    } catch (error) {
      notices.fail(error);
    } finally {
      this.#upload = null;
    }
  }

  /**
   * Images for the open experiment, or for a new one whose design then fits them. What goes wrong is said.
   * @param source as `datasets.prepare` takes it
   * @param settings how they are prepared; null: as before, or as it suits them
   */
  async use(
    source: string,
    settings: ImageSettings | null = null,
    experiment: ExperimentState | null = this.#studio.experiment,
  ): Promise<void> {
    if (experiment !== null) {
      const usual = experiment.imageSettings ?? settingsFor(experiment.editor.design);
      experiment.change({ source, imageSettings: settings ?? usual });
      return;
    }
    const { api, notices } = this.#studio;
    try {
      this.#looking = new Task((options) =>
        api.call('datasets.preview', { source, settings, count: 1 }, options),
      );
      const { settings: imageSettings, sourceName } = await this.#looking.done;
      await this.#studio.create(namedAfter(sourceName), designFor(imageSettings), { source, imageSettings });
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
      const imageSettings = settingsFor(design);
      const { images } = await this.#studio.create('Drawn faces', design, {
        source: 'sample',
        imageSettings,
      });
      await images.prepare();
    } catch (error) {
      this.#studio.notices.fail(error);
    }
  }
}

export const [getIntake, provideIntake] = createContext<Intake>();
