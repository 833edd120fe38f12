import { AppError } from '@strowger/kernel';
import { logger } from './logger.js';

const log = logger('health');
const CHECK_TIMEOUT_MS = 2_000;

export interface Readiness {
  ready: boolean;
  checks: Record<string, 'ok' | 'failing'>;
  /** Sentences about failing checks, where there is something a person can do. */
  reasons?: Record<string, string>;
}

/** What /readyz asks: each part of a service that it can't work without adds a check under its own name. */
export class Health {
  private readonly checks = new Map<string, () => Promise<unknown>>();
  private stopping = false;
  private failing = '';

  /** @param check rejects while the part is not usable; more than two seconds count as a rejection. */
  add(name: string, check: () => Promise<unknown>): void {
    this.checks.set(name, check);
  }

  remove(name: string): void {
    this.checks.delete(name);
  }

  /** From now on not ready: load balancers should look elsewhere. */
  stop(): void {
    this.stopping = true;
  }

  async readiness(): Promise<Readiness> {
    const causes: Record<string, unknown> = {};
    const results = await Promise.all(
      [...this.checks].map(async ([name, check]) => {
        try {
          await within(check());
          return [name, 'ok'] as const;
        } catch (error) {
          causes[name] = error;
          return [name, 'failing'] as const;
        }
      }),
    );
    this.logChange(causes);
    const failing = Object.keys(causes).length > 0;
    return {
      ready: !failing && !this.stopping,
      ...reasonsOf(causes),
      checks: { ...Object.fromEntries(results), ...(this.stopping ? { shutdown: 'failing' as const } : {}) },
    };
  }

  /** One line when it changes, not one per probe. */
  private logChange(causes: Record<string, unknown>): void {
    const failing = Object.keys(causes).sort().join(',');
    if (failing === this.failing) return;
    this.failing = failing;
    if (failing) log.warn({ failing, err: Object.values(causes)[0] }, 'not-ready');
    else log.info('ready');
  }
}

/** Only of our own errors, whose sentences are made to be shown. */
function reasonsOf(causes: Record<string, unknown>): Pick<Readiness, 'reasons'> {
  const shown = Object.entries(causes).flatMap(([name, cause]) =>
    cause instanceof AppError ? [[name, cause.message] as const] : [],
  );
  return shown.length > 0 ? { reasons: Object.fromEntries(shown) } : {};
}

async function within(check: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`)), CHECK_TIMEOUT_MS);
  });
  try {
    await Promise.race([check, late]);
  } finally {
    clearTimeout(timer);
  }
}
