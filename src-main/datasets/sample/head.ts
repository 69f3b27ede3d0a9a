import type { Colour } from './paint.ts';

/** Where the head sits on the canvas, and how large it is (1 is the usual size). */
export interface Head {
  x: number;
  y: number;
  scale: number;
}

export const DARK: Colour = [44, 36, 48];
export const WHITE: Colour = [255, 255, 255];
export const MOUTH_RED: Colour = [176, 48, 60];
