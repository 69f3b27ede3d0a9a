/** A step as files are named after it: eight digits (more where needed), so that names sort like numbers. */
export function stepName(step: number): string {
  return String(step).padStart(8, '0');
}
