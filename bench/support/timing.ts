/** The middle of some figures, the upper one of two; NaN of none. */
export function median(figures: number[]): number {
  return figures.toSorted((a, b) => a - b)[figures.length >> 1] ?? Number.NaN
}

/** Three digits are more than a run can repeat. */
export function rounded(figure: number): number {
  return Number(figure.toPrecision(3))
}

/** Milliseconds that something takes. */
export async function timed(act: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await act()
  return performance.now() - start
}
