/** The time as something that changes, so that "5 min ago" does not stay what it was. */
import { createSubscriber } from 'svelte/reactivity';

/** Milliseconds between two looks at the clock. */
const tick = 15_000;

const subscribe = createSubscriber((update) => {
  const timer = setInterval(update, tick);
  return () => clearInterval(timer);
});

/** Milliseconds since 1970; what shows it is shown anew as time goes by. */
export function now(): number {
  subscribe();
  return Date.now();
}
