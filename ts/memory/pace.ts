/** How many bytes may be added between two sweeps: fewer while what is moved out stays out, more where it is soon wanted again. */
export class Pace {
  budget: number;
  private least: number;
  private most: number;
  /** Bytes that were moved in vain since the last sweep. */
  private inVain = 0;
  /** Sweeps since much was, and how many it takes until they come more often again: twice as many each time that was a mistake. */
  private calm = 0;
  private patience = 16;
  private halved = false;

  constructor(
    private readonly usualLeast: number,
    private readonly usualMost: number,
  ) {
    this.budget = this.least = usualLeast;
    this.most = usualMost;
  }

  /** So many bytes that were moved out were wanted again, or would have gone soon anyway. */
  mistake(bytes: number): void {
    this.inVain += bytes;
  }

  /** After a sweep. `pressed`: there is no time to be generous. */
  adapt(pressed: boolean): void {
    if (this.inVain > this.budget / 4) {
      this.budget = Math.min(2 * this.budget, this.most);
      if (this.halved) this.patience *= 2;
      this.halved = false;
      this.calm = 0;
    } else if (this.inVain > this.budget / 64) {
      this.calm = 0;
    } else if (++this.calm >= this.patience && this.budget > this.least) {
      this.budget = Math.max(this.budget / 2, this.least);
      this.halved = true;
      this.calm = 0;
    }
    this.inVain = 0;
    if (pressed) this.budget = this.least;
  }

  /** Test mode: always so many bytes; `null` for as many as seem good. */
  fix(bytes: number | null): void {
    [this.least, this.most] = bytes === null ? [this.usualLeast, this.usualMost] : [bytes, bytes];
    this.budget = this.least;
  }
}

/** Of graphs. Steps release what they leave behind themselves: a sweep takes more bytes than the least before it looks at them. */
export const graphPace = new Pace(2 ** 22, 2 ** 30);
