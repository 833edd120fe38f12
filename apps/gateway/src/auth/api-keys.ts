import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { hierarchyRpc, type ApiKeyGrant } from '@strowger/contracts-hierarchy';
import { AppError, PLATFORM_SCOPE, SYSTEM_ACTOR } from '@strowger/kernel';
import { Rpc } from '@strowger/rpc';
import { DroppedCredentials } from './dropped-credentials.js';
import { Quotas } from '../rates/quotas.js';

const KEY = /^stk_([0-9a-f]{12})_([\w-]{43})$/;
/** A revoked key is announced at once; this is for a push that was lost. */
const GOOD_MS = 10_000;
/** A bad key that keeps calling is not asked about each time. */
const BAD_MS = 2_000;
const MOST_KEPT = 10_000;

/** The same answer for what is no key at all, an unknown, an expired and a revoked one. */
export class ApiKeyRefused extends AppError {
  constructor() {
    super(
      'unauthenticated',
      'api-key-refused',
      'The API key is not known, has expired or was revoked. Check that it was copied whole, or ask for a new one.',
    );
  }
}

export const looksLikeApiKey = (token: string): boolean => token.startsWith('stk_');

/** Who an API key stands for: asked of hierarchy by the hash of its secret, and remembered for seconds. */
@Injectable()
export class ApiKeys {
  private readonly known = new Map<string, { answer: Promise<ApiKeyGrant>; until: number; id?: string }>();

  constructor(
    private readonly rpc: Rpc,
    private readonly quotas: Quotas,
    dropped: DroppedCredentials,
  ) {
    dropped.onKeys((ids) => {
      if (ids === 'all') return this.known.clear();
      for (const [hash, { id }] of this.known) if (!id || ids.includes(id)) this.known.delete(hash);
    });
  }

  /** @throws ApiKeyRefused */
  async verify(key: string, ip: string | undefined): Promise<ApiKeyGrant> {
    const [, prefix, secret] = KEY.exec(key) ?? [];
    if (!prefix || !secret) {
      this.quotas.guessed(ip);
      throw new ApiKeyRefused();
    }
    const secretHash = createHash('sha256').update(secret).digest('hex');
    const hash = `${prefix} ${secretHash}`;
    const known = this.known.get(hash);
    const grant = await (known && Date.now() < known.until ? known.answer : this.ask(hash, prefix, secretHash, ip));
    if (grant.endsAt && Date.now() >= Date.parse(grant.endsAt)) throw new ApiKeyRefused();
    return grant;
  }

  private ask(hash: string, prefix: string, secretHash: string, ip: string | undefined): Promise<ApiKeyGrant> {
    // One that was right may be asked about again whatever others at its address do.
    if (!this.known.get(hash)?.id) this.quotas.mayGuess(ip);
    if (this.known.size >= MOST_KEPT) this.known.clear();
    const answer = this.rpc.call(hierarchyRpc.authenticateApiKey, {
      scope: PLATFORM_SCOPE,
      actor: { ...SYSTEM_ACTOR, ip },
      body: { prefix, secretHash },
    });
    const entry: { answer: Promise<ApiKeyGrant>; until: number; id?: string } = { answer, until: Date.now() + GOOD_MS };
    this.known.set(hash, entry);
    answer.then(
      ({ id }) => (entry.id = id),
      (thrown: unknown) => {
        // Only a no is remembered; that nobody could be asked is not.
        if (AppError.wrap(thrown).kind === 'unauthenticated') {
          entry.until = Date.now() + BAD_MS;
          this.quotas.countGuess(ip);
        } else if (this.known.get(hash) === entry) this.known.delete(hash);
      },
    );
    return answer;
  }
}
