/** The graphics cards of this machine, as its system tells of them. */
import { graphics } from 'systeminformation';

export interface Card {
  /** `NVIDIA GeForce RTX 4070` */
  name: string;
  /** Of its own; null when it shares the machine's, or when the system does not say. */
  memoryBytes: number | null;
}

/** The cards, those with most memory first; none when the system tells of none. */
export async function findCards(): Promise<Card[]> {
  const { controllers } = await graphics();
  return controllers
    .map(({ vendor, model, vram, vramDynamic, memoryTotal }): Card => {
      const megabytes = memoryTotal ?? (vramDynamic ? 0 : vram);
      return {
        name: model.startsWith(vendor) ? model : `${vendor} ${model}`.trim(),
        memoryBytes: typeof megabytes === 'number' && megabytes > 0 ? megabytes * 2 ** 20 : null,
      };
    })
    .filter(({ name }) => name !== '')
    .sort((a, b) => (b.memoryBytes ?? 0) - (a.memoryBytes ?? 0));
}
