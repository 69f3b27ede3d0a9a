/** An upload and the page that feeds it: asked before it goes, and said afterwards. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiClient } from '../../src-renderer/state/api-client.svelte.ts';
import { Intake } from '../../src-renderer/state/intake.svelte.ts';
import type { Send } from '../../src-renderer/state/send.ts';
import type { Page } from '../../src-renderer/state/studio.svelte.ts';
import { Studio } from '../../src-renderer/state/studio.svelte.ts';
import type { Desktop } from '../../src-shared/desktop.ts';
import { browserStorage } from './browser-storage.ts';
import { ScriptedCore } from './scripted-core.ts';

describe('a page that uploads', () => {
  let core: ScriptedCore;
  let cancelled: string[];
  let sending: PromiseWithResolvers<void>;
  const storage = browserStorage();

  beforeEach(() => {
    core = new ScriptedCore();
    cancelled = [];
    sending = Promise.withResolvers();
    core.script['datasets.beginUpload'] = () => ({ id: 'u1' });
    core.script['datasets.continueUpload'] = () => null;
    core.script['datasets.finishUpload'] = () => ({ source: 'upload:u1' });
    core.script['datasets.cancelUpload'] = ({ id }) => {
      cancelled.push(id);
      return null;
    };
  });

  function open(desktop?: Desktop) {
    const listeners = new Map<string, (event: Event) => void>();
    const page = {
      location: { hash: '' },
      localStorage: browserStorage(),
      sessionStorage: storage,
      addEventListener: (name: string, listen: (event: Event) => void) => listeners.set(name, listen),
    } as unknown as Page;
    const send: Send = () => sending.promise;
    const studio = new Studio(new ApiClient(core.openPort), page, 'w');
    const intake = new Intake(studio, send, page, desktop);
    const isAsked = () => {
      const event = new Event('beforeunload', { cancelable: true });
      listeners.get('beforeunload')!(event);
      return event.defaultPrevented;
    };
    return { studio, intake, isAsked, leave: () => listeners.get('pagehide')!(new Event('pagehide')) };
  }

  const take = (intake: Intake) =>
    intake.takeFiles(async () => ({
      name: 'Cats',
      bytes: 1,
      files: [{ path: 'a.png', open: async () => new File(['x'], 'a.png') }],
    }));

  it('is asked about before it goes while it uploads, but for the desktop app, which asks nobody', async () => {
    for (const desktop of [undefined, { connect: () => undefined, pathOf: () => '' } as unknown as Desktop]) {
      sending = Promise.withResolvers();
      const { intake, isAsked } = open(desktop);
      expect(isAsked()).toBe(false);
      const done = take(intake);
      await vi.waitFor(() => expect(intake.upload?.id).toBe('u1'));
      expect(isAsked()).toBe(desktop === undefined);
      intake.upload?.cancel();
      sending.resolve();
      await done;
      expect(isAsked()).toBe(false);
    }
  });

  it('says after a reload that the upload has ended, once, and has the core forget it', async () => {
    const { intake, leave } = open();
    void take(intake);
    await vi.waitFor(() => expect(intake.upload?.id).toBe('u1'));
    leave();
    const { studio } = open();
    expect(studio.notices.list.map(({ text }) => text)).toEqual([
      'The upload of "Cats" ended with the page. Drop it again.',
    ]);
    await vi.waitFor(() => expect(cancelled).toEqual(['u1']));
    const again = open();
    expect(again.studio.notices.list).toEqual([]);
    again.leave();
    expect(open().studio.notices.list).toEqual([]);
  });
});
