/**
 * A driver for WebGPU where there is no graphics card: SwiftShader, which Chromium brings, computes on the processor. Slow, and the same to
 * the engine. A card that is there is used instead.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine } from '../../src-main/trainer/engines/engine.ts';
import { findCards } from '../../src-main/trainer/engines/cards.ts';
import { findWebgpu } from '../../src-main/trainer/engines/onnx/webgpu.ts';

/** Where Debian, Ubuntu, Fedora, Arch, and Google's own packages put it. */
const folders = [
  '/usr/lib/chromium',
  '/usr/lib64/chromium-browser',
  '/usr/lib/chromium-browser',
  '/opt/google/chrome',
];

/** The file by which SwiftShader is named to the Vulkan loader; null where there is none. */
export function softwareDriver(): string | null {
  return folders.map((folder) => join(folder, 'vk_swiftshader_icd.json')).find(existsSync) ?? null;
}

/** Names SwiftShader to the Vulkan loader, when the system has no card and it is found. */
async function useSoftwareDriver(): Promise<void> {
  if ((await findCards()).length > 0) return;
  const file = softwareDriver();
  if (file === null) return;
  process.env['VK_DRIVER_FILES'] = file;
  // What the loaders before 1.3.207 read.
  process.env['VK_ICD_FILENAMES'] = file;
}

export async function webgpu(): Promise<{ engine: Engine | null; note: string }> {
  await useSoftwareDriver();
  return findWebgpu(await findCards());
}
