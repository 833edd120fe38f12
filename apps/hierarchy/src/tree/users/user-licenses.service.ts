import { Injectable } from '@nestjs/common';
import {
  hierarchyRpc,
  type AssignLicense,
  type ById,
  type LicenseView,
  type RemoveLicense,
} from '@strowger/contracts-hierarchy';
import { NotFound, type RpcContext, type RpcRequest } from '@strowger/kernel';
import { Db } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { HistoryService } from '../../history/history.service.js';
import { productOf } from '../../licensing/catalog.js';
import { Entitlement } from '../../licensing/entitlement.service.js';
import { PoolsService } from '../../licensing/pools.service.js';
import { SeatsService } from '../../licensing/seats.service.js';
import { User } from './user.entity.js';
import { UsersService } from './users.service.js';

/** Licenses given to users and taken back, one user at a time. */
@Injectable()
export class UserLicensesService {
  constructor(
    private readonly db: Db,
    private readonly history: HistoryService,
    private readonly users: UsersService,
    private readonly entitlement: Entitlement,
    private readonly pools: PoolsService,
    private readonly seats: SeatsService,
  ) {}

  /** Safe to repeat: a license the user has is answered unchanged, even when none is free. */
  @Answers(hierarchyRpc.assignLicense)
  async assign({ body: given, ...context }: RpcRequest<AssignLicense>): Promise<LicenseView> {
    const product = await this.productFor(context, given);
    const { license, taken } = await this.seats.assign(context, given.userId, product);
    if (taken && this.db.inTransaction) await this.reread(given.userId);
    return license.view();
  }

  @Answers(hierarchyRpc.removeLicense)
  async remove({ body: { userId, licenseId }, ...context }: RpcRequest<RemoveLicense>): Promise<null> {
    const removed = await this.end(context, userId, { licenseId });
    if (removed === 0) throw new NotFound('license', licenseId);
    return null;
  }

  /** Safe to repeat: what the user does not have is not missing. */
  async removeProduct(context: RpcContext, given: AssignLicense): Promise<void> {
    const product = await this.productFor(context, given);
    await this.end(context, given.userId, { product });
  }

  /** All permanent licenses; a trial goes on. Safe to repeat. */
  @Answers(hierarchyRpc.removeLicenses)
  async removeAll({ body: { id: userId }, ...context }: RpcRequest<ById>): Promise<null> {
    await this.end(context, userId, {});
    return null;
  }

  @Answers(hierarchyRpc.listUserLicenses)
  async list(request: RpcRequest<ById>): Promise<LicenseView[]> {
    const user = await this.users.get(request);
    return (await this.seats.heldBy(this.db.em(), user.id)).map((license) => license.view());
  }

  private async end(
    { scope, actor }: RpcContext,
    userId: string,
    which: Parameters<SeatsService['release']>[2],
  ): Promise<number> {
    return this.pools.transactional(async (em) => {
      const user = await this.users.lock(em, scope, userId);
      const removed = await this.seats.release(em, user, which, actor);
      for (const { application, licenseType } of removed)
        this.history.record(em, actor, 'license-removed', user.historyObject(), { application, licenseType });
      if (removed.length > 0) await this.entitlement.settle(user.id);
      return removed.length;
    });
  }

  /** A missing user is reported before a product that does not exist. */
  private async productFor(context: RpcContext, { userId, application, licenseType }: AssignLicense) {
    try {
      return productOf(application, licenseType);
    } catch (unknown) {
      await this.users.get({ ...context, body: { id: userId } });
      throw unknown;
    }
  }

  /** The statement changed the row of a user the caller's transaction may have loaded. */
  private async reread(userId: string): Promise<void> {
    const em = this.db.em();
    const loaded = em.getUnitOfWork().getById(User, userId.toLowerCase());
    if (loaded) await em.refresh(loaded);
  }
}
