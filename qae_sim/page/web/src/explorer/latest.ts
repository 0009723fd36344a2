// Sends states to a kernel so that none queue up: one is on its way at a time, and after it the newest there is.

/** How often a state is sent to a kernel that does not answer. */
const TRIES = 4;

export class Latest<T> {
  private flying = 0;
  private newest: T | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  private asked = 0;

  /**
   * `send` gives a state its number, which the kernel says again once it is done with it. A kernel that does not answer
   * for `patience` milliseconds may have been started anew, and is asked again, a few times.
   */
  constructor(private readonly send: (state: T) => number, private readonly patience = 8000) {}

  put(state: T): void {
    this.newest = state;
    this.asked = 0;
    if (!this.flying) this.go();
  }

  /** Nobody needs what waits any more. */
  drop(): void {
    this.newest = null;
  }

  /** The kernel is done with a state. Whether it was the newest. */
  done(number: number): boolean {
    if (this.flying && number >= this.flying) {
      clearTimeout(this.timer);
      this.flying = 0;
      this.asked = 0;
      if (this.newest !== null) this.go();
    }
    return this.settled;
  }

  /** Whether nothing is on its way or waiting. */
  get settled(): boolean {
    return !this.flying && this.newest === null;
  }

  close(): void {
    clearTimeout(this.timer);
  }

  private go(): void {
    const state = this.newest!;
    this.newest = null;
    this.asked += 1;
    this.flying = this.send(state);
    this.timer = setTimeout(() => {
      this.flying = 0;
      this.newest ??= state;
      if (this.asked < TRIES) this.go();
      else this.newest = null;
    }, this.patience);
  }
}
