import { Injectable } from '@nestjs/common';
import { LockMode, type EntityManager } from '@mikro-orm/postgresql';
import { hierarchyRpc, type UserView } from '@strowger/contracts-hierarchy';
import {
  provisioningRpc,
  type AssignNumber,
  type NumberOutcome,
  type NumberView,
  type ReleaseNumber,
  type UpdateNumber,
} from '@strowger/contracts-provisioning';
import { Clock, newId, NotFound, withinScope, type RpcRequest, type TenantScope, checkVersion } from '@strowger/kernel';
import { DatabaseUnavailable, Db, isDatabaseAway, uniqueViolation } from '@strowger/persistence';
import { Answers, Rpc } from '@strowger/rpc';
import { SagaRunner } from '@strowger/saga';
import { Carriers } from '../carriers/carriers.service.js';
import { ProvisioningConfig } from '../config.js';
import type { Platform } from '../platforms/platform.entity.js';
import { PlatformsService } from '../platforms/platforms.service.js';
import { NumberOutcomes } from './number-outcomes.service.js';
import { CpaasNumber } from './number.entity.js';
import {
  NoPlatform,
  NumberAlreadyAssigned,
  NumberRequestDiffers,
  NumberStateConflict,
  PlatformRequired,
} from './number.errors.js';
import { NumberOwners } from './number-owners.service.js';
import { NumberQueries, operationOf } from './number.queries.js';
import { parseNumber } from './number-parsing.js';
import { provisionNumberAt } from './provision-number.saga.js';
import { Timeline } from './timeline.service.js';

const WAIT_SECONDS = 20;

@Injectable()
export class NumbersService {
  constructor(
    private readonly db: Db,
    private readonly rpc: Rpc,
    private readonly clock: Clock,
    private readonly sagas: SagaRunner,
    private readonly timeline: Timeline,
    private readonly platforms: PlatformsService,
    private readonly carriers: Carriers,
    private readonly outcomes: NumberOutcomes,
    private readonly queries: NumberQueries,
    private readonly owners: NumberOwners,
    private readonly config: ProvisioningConfig,
  ) {}

  /** Reserves the number and starts its provisioning in one transaction. A repeat with the same id finds the first try. */
  @Answers(provisioningRpc.assignNumber)
  async assign({ scope, actor, body: given }: RpcRequest<AssignNumber>): Promise<NumberOutcome> {
    const e164 = parseNumber(given.number, this.config.numberValidation);
    const id = given.numberId ?? newId();
    const earlier = await this.db.em().findOne(CpaasNumber, { id });
    if (earlier) return this.repeated(scope, earlier, given, e164);
    const owner = await this.rpc.call(hierarchyRpc.getUser, { scope, actor, body: { id: given.userId } });
    const platform = await this.choosePlatform(owner, given.platformId);
    try {
      await this.reserve({ ...given, id, e164 }, owner, platform);
    } catch (error) {
      if (!uniqueViolation(error)) throw error;
      const sameId = await this.db.em().findOne(CpaasNumber, { id });
      if (!sameId) throw new NumberAlreadyAssigned(e164);
      return this.repeated(scope, sameId, given, e164);
    }
    return this.settled(id, id, given.waitSeconds);
  }

  /** Safe to repeat: answers the release that has begun, or the number that is released. */
  @Answers(provisioningRpc.releaseNumber)
  async release({ scope, body: given }: RpcRequest<ReleaseNumber>): Promise<NumberOutcome> {
    const number = await this.db.transactional(async (em) => {
      const row = await this.lock(em, scope, given.id);
      if (row.endedBecause === 'assignment-failed')
        throw new NumberStateConflict(row.id, row.state, 'there is nothing to release: it was never assigned');
      if (!row.endedAt) await this.outcomes.beginRelease(em, row, { deleteMessages: given.deleteMessages ?? false });
      return row;
    });
    return this.settled(number.id, number.releaseOperationId ?? number.id, given.waitSeconds);
  }

  @Answers(provisioningRpc.updateNumber)
  async update({ scope, body: given }: RpcRequest<UpdateNumber>): Promise<NumberView> {
    const number = await this.db.transactional(async (em) => {
      const row = await this.lock(em, scope, given.id);
      checkVersion('number', row, given.version);
      row.rename(given.friendlyName);
      return row;
    });
    return this.queries.view(number);
  }

  private async reserve(
    given: { id: string; e164: string; friendlyName?: string | null },
    asked: UserView,
    platform: Platform,
  ): Promise<void> {
    await this.db.transactional(async (em) => {
      const carrier = this.carriers.of(platform.kind);
      const owner = await this.owners.newest(asked);
      if (!(await this.platforms.hold(em, platform.id))) throw new NotFound('platform', platform.id);
      const number = CpaasNumber.reserve({ ...given, platformId: platform.id }, owner, this.clock.now());
      em.persist(number);
      await em.flush();
      this.timeline.transition(em, number, `Reserved for ${owner.name}.`);
      const { id: numberId, e164, friendlyName, platformId } = number;
      await this.sagas.start(
        provisionNumberAt(carrier),
        { numberId, platformId, e164, friendlyName, platformLabel: carrier.manifest.label },
        { id: numberId, subject: numberId, tenantId: number.systemProviderId },
      );
    });
  }

  private async choosePlatform(owner: UserView, platformId: string | null | undefined): Promise<Platform> {
    const choices = await this.platforms.usable(owner.systemProviderId);
    if (platformId) {
      const chosen = choices.find(({ id }) => id === platformId);
      if (!chosen) throw new NotFound('platform', platformId);
      return chosen;
    }
    if (choices.length > 1) throw new PlatformRequired(choices.map(({ id, name }) => ({ id, name })));
    if (!choices[0]) throw new NoPlatform();
    return choices[0];
  }

  private async repeated(
    scope: TenantScope,
    earlier: CpaasNumber,
    given: AssignNumber,
    e164: string,
  ): Promise<NumberOutcome> {
    await this.queries.find(scope, earlier.id);
    const same =
      earlier.e164 === e164 &&
      earlier.userId === given.userId &&
      (!given.platformId || earlier.platformId === given.platformId) &&
      (!given.friendlyName || earlier.friendlyName === given.friendlyName);
    if (!same) throw new NumberRequestDiffers(earlier.id);
    return this.settled(earlier.id, earlier.id, given.waitSeconds);
  }

  /** The operation, and the number once the operation has succeeded. */
  private async settled(
    numberId: string,
    operationId: string,
    waitSeconds: number | null | undefined,
  ): Promise<NumberOutcome> {
    try {
      const settled = await this.sagas.settled(operationId, (waitSeconds ?? WAIT_SECONDS) * 1000);
      const operation = operationOf(settled ?? (await this.sagas.view(operationId)));
      if (operation.state !== 'succeeded') return { operation };
      const number = await this.db.em().findOneOrFail(CpaasNumber, numberId);
      return { operation, number: await this.queries.view(number) };
    } catch (error) {
      // The work has begun by now: a caller that learns of a certain failure would begin it again under another id.
      if (isDatabaseAway(error)) throw new DatabaseUnavailable({ cause: error, outcome: 'unknown' });
      throw error;
    }
  }

  private async lock(em: EntityManager, scope: TenantScope, id: string): Promise<CpaasNumber> {
    const lockMode = LockMode.PESSIMISTIC_WRITE;
    const number = await em.findOne(CpaasNumber, { $and: [withinScope(scope), { id }] }, { lockMode });
    if (!number) throw new NotFound('number', id);
    return number;
  }
}
