// The numbers behind the chart of Figure 16; labs/lessons/FORMAT.md, section 7.

/** A range of election timeouts and the election times measured with it, ms. */
export interface Series {
  min: number;
  max: number;
  /** Sorted. */
  times: number[];
  /** How many trials it is to have. */
  want: number;
  /** Added by the learner. */
  own: boolean;
}

export interface Figures {
  median: number;
  p99: number | null;
  largest: number;
}

/** The ranges of the paper's upper plot with what was read off it. */
export const PAPER: readonly { min: number; max: number; figures: Figures }[] = [
  { min: 150, max: 150, figures: { median: 41104, p99: null, largest: 527964 } },
  { min: 150, max: 151, figures: { median: 1199, p99: 6013, largest: 8231 } },
  { min: 150, max: 155, figures: { median: 287, p99: 1242, largest: 2143 } },
  { min: 150, max: 175, figures: { median: 141, p99: 467, largest: 610 } },
  { min: 150, max: 200, figures: { median: 146, p99: 352, largest: 513 } },
  { min: 150, max: 300, figures: { median: 171, p99: 415, largest: 603 } },
];

/** The chart's right edge, ms. */
export const LONGEST = 100_000;

/** After so many ms a trial is given up: timeouts below the time of a broadcast never elect. */
export function limitOf(s: { max: number }): number {
  return Math.min(LONGEST, 500 * s.max);
}

export const MOST_SERIES = 10;

export function series(min: number, max: number, own: boolean): Series {
  return { min, max, times: [], want: min === max ? 100 : 1000, own };
}

/** Whether a learner may add this range. */
export function fits(min: number, max: number, there: readonly Series[]): boolean {
  return Number.isFinite(min) && Number.isFinite(max) && min >= 4 && max <= 5000 && min <= max && !there.some((s) => s.min === min && s.max === max);
}

/** Puts a time in its place. */
export function insert(times: number[], ms: number): void {
  let lo = 0;
  let hi = times.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (times[mid]! <= ms) lo = mid + 1;
    else hi = mid;
  }
  times.splice(lo, 0, ms);
}

/** The smallest time that a share `q` of the trials did not exceed. */
export function quantile(times: readonly number[], q: number): number {
  return times[Math.max(0, Math.ceil(q * times.length) - 1)] ?? Number.NaN;
}

/** What the table shows, or null before the first trial. */
export function figuresOf(times: readonly number[]): Figures | null {
  if (times.length === 0) return null;
  return { median: quantile(times, 0.5), p99: times.length >= 100 ? quantile(times, 0.99) : null, largest: times.at(-1)! };
}

/** The cumulative curve as an SVG path; x and y turn a time and a share into places. */
export function curve(times: readonly number[], limit: number, x: (ms: number) => number, y: (share: number) => number): string {
  if (times.length === 0) return '';
  const steps = Math.min(times.length, 200);
  let path = `M${x(times[0]!).toFixed(1)} ${y(0).toFixed(1)}`;
  for (let k = 1; k <= steps; k++) {
    const share = k / steps;
    const t = quantile(times, share);
    if (t >= limit) break; // this trial was given up: its line goes no higher
    path += `L${x(t).toFixed(1)} ${y(share).toFixed(1)}`;
  }
  return path;
}
