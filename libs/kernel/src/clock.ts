/** Rules take the time from here, never from the machine, so that tests can set it. */
export abstract class Clock {
  abstract now(): Date;
}

export class SystemClock extends Clock {
  now(): Date {
    return new Date();
  }
}

/** A clock that stands still until it is set or moved. */
export class ManualClock extends Clock {
  constructor(private time: Date = new Date()) {
    super();
  }
  now(): Date {
    return new Date(this.time);
  }
  advance(milliseconds: number): void {
    this.time = new Date(this.time.getTime() + milliseconds);
  }
  set(time: Date): void {
    this.time = time;
  }
}
