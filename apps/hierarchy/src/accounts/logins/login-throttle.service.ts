import { Injectable } from '@nestjs/common';
import { Clock, newId } from '@strowger/kernel';
import { Db } from '@strowger/persistence';
import { LoginAttempt } from './login-attempt.entity.js';
import { TooManyLoginAttempts } from './login.errors.js';

const WINDOW_MS = 15 * 60_000;
const KEEP_MS = 90 * 86_400_000;
const FAILURES_PER_EMAIL = 10;
const FAILURES_PER_ADDRESS = 50;

/** Limits how often a password can be guessed, by e-mail address and by where the guesses come from. */
@Injectable()
export class LoginThrottle {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
  ) {}

  /**
   * Notes an attempt before the password is looked at, then counts: of parallel guesses at most ten get through. A
   * refused one is not kept, or someone who goes on trying would stay locked out for ever.
   * @throws TooManyLoginAttempts with the time until the next attempt is looked at
   */
  async admit(emailKey: string, ip: string | undefined): Promise<LoginAttempt> {
    const attempt = Object.assign(new LoginAttempt(), { id: newId(), emailKey, ip: ip ?? null, at: this.clock.now() });
    await this.db.em().insert(attempt);
    const waits = await Promise.all([
      this.waitFor({ emailKey }, FAILURES_PER_EMAIL, attempt),
      ip === undefined ? 0 : this.waitFor({ ip }, FAILURES_PER_ADDRESS, attempt),
    ]);
    const waitMs = Math.max(...waits);
    if (waitMs > 0) {
      await this.db.em().nativeDelete(LoginAttempt, { id: attempt.id });
      throw new TooManyLoginAttempts(Math.ceil(waitMs / 1000));
    }
    return attempt;
  }

  async succeeded(attempt: LoginAttempt): Promise<void> {
    await this.db.em().nativeUpdate(LoginAttempt, { id: attempt.id }, { failed: false });
  }

  /** Attempts older than anyone asks about. */
  async forgetOld(): Promise<void> {
    const at = new Date(this.clock.now().getTime() - KEEP_MS);
    await this.db.em().nativeDelete(LoginAttempt, { at: { $lt: at } });
  }

  /** Milliseconds until the window holds fewer than `most` failures besides this one; 0 when it does. */
  private async waitFor(who: { emailKey: string } | { ip: string }, most: number, self: LoginAttempt): Promise<number> {
    const since = new Date(self.at.getTime() - WINDOW_MS);
    const [oldest] = await this.db
      .em()
      .find(
        LoginAttempt,
        { ...who, failed: true, at: { $gt: since }, id: { $ne: self.id } },
        { orderBy: { at: 'desc' }, offset: most - 1, limit: 1 },
      );
    return oldest ? Math.max(1, oldest.at.getTime() + WINDOW_MS - self.at.getTime()) : 0;
  }
}
