import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { argon2id, hash, needsRehash, verify, type HashOptions } from 'argon2';
import { HierarchyConfig } from '../../config.js';

/** argon2id; the work is done in libuv's thread pool, off the event loop. */
@Injectable()
export class PasswordHasher {
  private readonly options: HashOptions;
  private readonly nobody: Promise<string>;

  constructor(config: HierarchyConfig) {
    this.options = {
      type: argon2id,
      memoryCost: config.passwordMemoryKib,
      timeCost: config.passwordIterations,
      parallelism: config.passwordParallelism,
    };
    this.nobody = this.hash(randomBytes(32).toString('base64'));
    this.nobody.catch(() => undefined); // surfaces where it is awaited
  }

  hash(password: string): Promise<string> {
    return hash(password, this.options);
  }

  /** Costs the same without a hash, so the time does not reveal whether an account exists. */
  async verify(passwordHash: string | undefined, password: string): Promise<boolean> {
    const matches = await verify(passwordHash ?? (await this.nobody), password);
    return matches && passwordHash !== undefined;
  }

  /** True for a hash made with other parameters than today's. */
  isOutdated(passwordHash: string): boolean {
    return needsRehash(passwordHash, this.options);
  }
}
