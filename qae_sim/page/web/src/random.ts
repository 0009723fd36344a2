// Random numbers that are a fixed function of where they are used: the same for every estimator, and after every jump.

/** A number in (0, 1) that depends on four non-negative integers alone. */
export function uniform(seed: number, a: number, b: number, c: number): number {
  let h = Math.imul(seed + 1, 0x9e3779b1);
  for (const part of [a, b, c]) {
    h = Math.imul(h ^ (part + 1), 0x85ebca6b);
    h ^= h >>> 13;
    h = Math.imul(h, 0xc2b2ae35);
    h ^= h >>> 16;
  }
  return ((h >>> 0) + 0.5) / 4294967296;
}

/** The first place at which running sums of the weights exceed u times their total. */
export function drawn(weights: readonly number[], u: number): number {
  const target = u * weights.reduce((x, y) => x + y, 0);
  let running = 0;
  for (let i = 0; i < weights.length - 1; i += 1) {
    running += weights[i]!;
    if (running > target) return i;
  }
  return weights.length - 1;
}
