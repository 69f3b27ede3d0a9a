import type { CustomScheme } from 'electron';
import { expect, test, vi } from 'vitest';
import { answerScheme, declareScheme } from '../../../src-main/shells/electron/protocol.ts';

const protocol = vi.hoisted(() => ({
  registerSchemesAsPrivileged: vi.fn<(schemes: CustomScheme[]) => void>(),
  handle: vi.fn<(scheme: string, respond: (request: Request) => Response | Promise<Response>) => void>(),
}));
vi.mock('electron', () => ({ protocol, shell: {} }));

test('the scheme is an origin with the rules of the web: no way around the policy, no service workers', () => {
  declareScheme();
  expect(protocol.registerSchemesAsPrivileged.mock.calls).toEqual([
    [
      [
        {
          scheme: 'app',
          privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true, codeCache: true },
        },
      ],
    ],
  ]);
});

test('only addresses of our page are answered', async () => {
  const respond = vi.fn(() => Promise.resolve(new Response('ours')));
  answerScheme(respond);
  const [scheme, answer] = protocol.handle.mock.calls[0]!;
  expect(scheme).toBe('app');
  expect(await (await answer(new Request('app://gan/index.html'))).text()).toBe('ours');
  for (const url of ['app://evil/index.html', 'app://gan.evil.test/', 'app://gan:80/']) {
    const refused = await answer(new Request(url));
    expect(refused.status).toBe(404);
    expect(refused.headers.get('content-security-policy')).toContain("default-src 'none'");
  }
  expect(respond).toHaveBeenCalledOnce();
});
