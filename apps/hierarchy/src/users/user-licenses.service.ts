import { Injectable } from '@nestjs/common';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { AssignLicense, LicenseView, RemoveLicense } from '@strowger/contracts-hierarchy';
import { NotFound, type Actor, type RpcContext } from '@strowger/kernel';
import { Db, Outbox } from '@strowger/persistence';
import { HistoryService } from '../history/history.service.js';
import { productOf } from '../licensing/catalogue.js';
import { SeatsService } from '../licensing/seats.service.js';
import { User } from './user.entity.js';
import { UsersService } from './users.service.js';

@Injectable()
export class UserLicensesService {
  constructor(
    private readonly db: Db,
    private readonly outbox: Outbox,
    private readonly history: HistoryService,
    private readonly users: UsersService,
    private readonly seats: SeatsService,
  ) {}

  /** Safe to repeat: a licence the user has is answered unchanged, even when no seat is free. */
  async assign({ scope, actor }: RpcContext, given: AssignLicense): Promise<LicenseView> {
    return this.db.transactional(async (em) => {
      const user = await this.users.lock(em, scope, given.userId);
      const product = productOf(given.application, given.licenseType);
      const { license, taken } = await this.seats.take(em, user, product);
      if (taken) await this.changed(em, actor, user, 'license-assigned', product);
      return license.view();
    });
  }

  async remove({ scope, actor }: RpcContext, { userId, licenseId }: RemoveLicense): Promise<void> {
    await this.db.transactional(async (em) => {
      const user = await this.users.lock(em, scope, userId);
      const license = (await this.seats.heldBy(em, user.id)).find((held) => held.id === licenseId.toLowerCase());
      if (!license) throw new NotFound('license', licenseId);
      await this.seats.giveBack(em, license);
      await this.changed(em, actor, user, 'license-removed', license);
    });
  }

  async list(context: RpcContext, userId: string): Promise<LicenseView[]> {
    const user = await this.users.get(context, userId);
    return (await this.seats.heldBy(this.db.em(), user.id)).map((license) => license.view());
  }

  private async changed(
    em: EntityManager,
    actor: Actor,
    user: User,
    action: string,
    { application, licenseType }: { application: string; licenseType: string },
  ): Promise<void> {
    await em.flush();
    const entitled = (await this.seats.heldBy(em, user.id)).some((license) => license.messaging);
    this.outbox.add(em, user.licensed(entitled));
    this.history.record(em, actor, action, user.historyObject(), { application, licenseType });
  }
}
