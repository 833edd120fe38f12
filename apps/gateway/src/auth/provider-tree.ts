import { Injectable } from '@nestjs/common';
import { hierarchyRpc, SystemProviderCreatedV1, SystemProviderDeletedV1 } from '@strowger/contracts-hierarchy';
import { Messaging } from '@strowger/messaging';
import { AppError, SYSTEM_ACTOR, type TenantScope } from '@strowger/kernel';
import { Rpc } from '@strowger/rpc';
import { guarded } from '@strowger/telemetry';

const FRESH_MS = 5_000;
/** While hierarchy is away the last answer goes on for this long: the tree changes rarely. */
const USABLE_MS = 10 * 60_000;
const MOST_KEPT = 10_000;

interface Known {
  ids: readonly string[];
  at: number;
}

/**
 * Which system providers lie below which, for scopes that go to services without a tree of their own. Asked of
 * hierarchy, kept for seconds, and dropped at once when a system provider comes or goes.
 */
@Injectable()
export class ProviderTree {
  private readonly known = new Map<string, Known>();
  private readonly asked = new Map<string, Promise<Known>>();

  constructor(
    private readonly rpc: Rpc,
    messaging: Messaging,
  ) {
    // A hint: facts also reach those who listen without the stream.
    const listen = (): void => {
      for (const { type } of [SystemProviderCreatedV1, SystemProviderDeletedV1])
        messaging.nc.subscribe(type, { callback: guarded('provider-tree', () => this.forget()) });
    };
    messaging.ready().then(listen, () => undefined);
  }

  /** The scope with all system providers it reaches. */
  async widen(scope: TenantScope): Promise<TenantScope> {
    if (scope.level !== 'system-provider') return scope;
    return { ...scope, providerIds: await this.idsUnder(scope) };
  }

  /** A system provider was added or deleted. */
  forget(): void {
    this.known.clear();
    this.asked.clear();
  }

  private async idsUnder(scope: TenantScope): Promise<readonly string[]> {
    const known = this.known.get(scope.id);
    if (known && Date.now() - known.at < FRESH_MS) return known.ids;
    try {
      const asked = this.asked.get(scope.id) ?? this.ask(scope);
      return (await asked).ids;
    } catch (thrown) {
      const error = AppError.wrap(thrown);
      // A provider that is gone sees nothing, which each service answers for itself.
      if (error.kind === 'not-found') return [scope.id];
      if (known && error.kind === 'unavailable' && Date.now() - known.at < USABLE_MS) return known.ids;
      throw error;
    }
  }

  private ask({ level, id, systemProviderId }: TenantScope): Promise<Known> {
    const at = Date.now();
    const scope = { level, id, systemProviderId };
    const answer = this.rpc
      .call(hierarchyRpc.listProviderIds, { scope, actor: SYSTEM_ACTOR, body: { id } })
      .then(({ ids }) => ({ ids, at }));
    this.asked.set(id, answer);
    const settle = (known?: Known): void => {
      if (this.asked.get(id) !== answer) return; // forgotten meanwhile
      this.asked.delete(id);
      if (!known) return;
      if (this.known.size >= MOST_KEPT) this.known.clear();
      this.known.set(id, known);
    };
    answer.then(settle, () => settle());
    return answer;
  }
}
