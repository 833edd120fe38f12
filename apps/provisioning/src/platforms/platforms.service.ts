import { Inject, Injectable } from '@nestjs/common';
import { LockMode, type EntityManager } from '@mikro-orm/postgresql';
import type {
  CreatePlatform,
  PlatformAccessView,
  PlatformView,
  UpdatePlatform,
} from '@strowger/contracts-provisioning';
import { manifestOf } from '@strowger/cpaas';
import {
  Clock,
  isWithin,
  maskSecret,
  newId,
  NotFound,
  type RpcContext,
  type TenantScope,
  checkVersion,
} from '@strowger/kernel';
import { Db, Outbox, sql } from '@strowger/persistence';
import { logger } from '@strowger/telemetry';
import { Carriers, type OpenCredentials } from '../carriers/carriers.service.js';
import { ProvisioningConfig } from '../config.js';
import { platformsSeenBy } from '../visibility.js';
import { AlertHolds } from './alert-holds.service.js';
import { HookEndpoints } from './hook-endpoints.service.js';
import { PlatformVerification } from './platform-verification.service.js';
import { Platform, sealContextOf, type SealedCredentials } from './platform.entity.js';
import { PlatformHasNumbers } from './platform.errors.js';

const log = logger('platforms');

@Injectable()
export class PlatformsService {
  constructor(
    @Inject(Db) private readonly db: Db,
    @Inject(Outbox) private readonly outbox: Outbox,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Carriers) private readonly carriers: Carriers,
    @Inject(AlertHolds) private readonly holds: AlertHolds,
    @Inject(HookEndpoints) private readonly endpoints: HookEndpoints,
    @Inject(PlatformVerification) private readonly verification: PlatformVerification,
    @Inject(ProvisioningConfig) private readonly config: Readonly<ProvisioningConfig>,
  ) {}

  /** Hold, verify, save: what fails gives the hold back, and the sweep does so for a process that died in between. */
  async create(context: RpcContext, given: CreatePlatform): Promise<PlatformView> {
    const { systemProviderId, account, secret, messageExchangeToken: token } = given;
    if (!isWithin(context.scope, { systemProviderId })) throw new NotFound('system-provider', systemProviderId);
    const credentials: OpenCredentials = {
      kind: given.kind,
      baseUrl: given.baseUrl,
      account,
      secret,
      exchange: token ? { token, profile: given.messageExchangeProfile ?? 'canonical' } : undefined,
    };
    // Finds an address that is not allowed before anybody is asked anything.
    this.carriers.openWith(credentials);
    const id = newId();
    await this.holds.take(context, id, systemProviderId);
    try {
      const warnings = await this.verification.check(credentials);
      const platform = Platform.create(
        id,
        given,
        this.seal(id, account, secret, token),
        this.clock.now(),
        this.verification.nextVerifyAt(),
      );
      await this.db.transactional(async (em) => {
        await this.holds.keep(em, id);
        em.persist(platform);
        await em.flush();
        await this.endpoints.issue(em, id);
        this.outbox.add(em, platform.saved());
      });
      await this.project(id);
      return await this.view(context, platform, warnings);
    } catch (error) {
      await this.holds.abandon(id);
      throw error;
    }
  }

  /** New credentials are verified first; nothing is saved when they don't work. */
  async update(context: RpcContext, given: UpdatePlatform): Promise<PlatformView> {
    const before = await this.find(context.scope, given.id);
    checkVersion('platform', before, given.version);
    const credentials = this.credentialsAfter(before, given);
    const warnings = credentials ? await this.verification.check(credentials) : undefined;
    const platform = await this.db.transactional(async (em) => {
      const row = await this.lock(em, context.scope, given.id);
      // What was verified was a mix of old and new: it must still be the same old.
      checkVersion('platform', row, credentials ? before.version : given.version);
      const sealed = credentials && this.sealedDifferences(row, credentials);
      const saved = row.update(given, sealed);
      if (saved) this.outbox.add(em, saved);
      if (credentials) {
        row.lastVerifiedAt = this.clock.now();
        row.nextVerifyAt = this.verification.nextVerifyAt();
        this.outbox.add(em, row.credentialsWork('carrier'));
        this.outbox.add(em, row.credentialsWork('exchange'));
      }
      return row;
    });
    await this.project(given.id);
    return this.view(context, platform, warnings);
  }

  async get(context: RpcContext, id: string): Promise<PlatformView> {
    return this.view(context, await this.find(context.scope, id));
  }

  async list(context: RpcContext, systemProviderId: string): Promise<PlatformView[]> {
    if (!isWithin(context.scope, { systemProviderId })) throw new NotFound('system-provider', systemProviderId);
    const rows = await this.db
      .em()
      .find(Platform, { systemProviderId, deletedAt: null }, { orderBy: { createdAt: 'asc', id: 'asc' } });
    return Promise.all(rows.map((row) => this.view(context, row)));
  }

  /** @throws AppError why they don't work now; the alert of a new incident goes out as well */
  async verify(context: RpcContext, id: string): Promise<PlatformView> {
    await this.find(context.scope, id);
    const warnings = await this.verification.verifyStored(id);
    return this.view(context, await this.find(context.scope, id), warnings);
  }

  async rotateWebhook(context: RpcContext, id: string): Promise<PlatformView> {
    const platform = await this.db.transactional(async (em) => {
      const row = await this.lock(em, context.scope, id);
      await this.endpoints.issue(em, id);
      this.outbox.add(em, row.changed());
      return row;
    });
    await this.project(id);
    return this.view(context, platform);
  }

  async delete({ scope }: RpcContext, id: string): Promise<void> {
    await this.db.transactional(async (em) => {
      const platform = await this.lock(em, scope, id);
      // Assigning takes a share of the row's lock first, so no number can slip in after the count.
      const [row] = await this.db.query(
        sql<{ n: number }>`select count(*)::int as n from cpaas_number where platform_id = ${id} and ended_at is null`,
      );
      if (row && row.n > 0) throw new PlatformHasNumbers(id, row.n);
      this.outbox.add(em, platform.delete(this.clock.now()));
      await this.holds.letGo(em, id);
    });
    await this.holds
      .giveBack(id)
      .catch((error: unknown) => log.warn({ platformId: id, err: error }, 'alert-hold-left-to-sweep'));
    await this.project(id);
  }

  /** Service to service. Anyone else finds nothing here. */
  async access({ scope, actor }: RpcContext, id: string): Promise<PlatformAccessView> {
    if (scope.level !== 'platform' || actor.kind !== 'system') throw new NotFound('platform', id);
    const platform = await this.find(scope, id);
    const webhookUrl = await this.endpoints.urlOf(platform);
    return {
      platformId: platform.id,
      systemProviderId: platform.systemProviderId,
      kind: platform.kind,
      baseUrl: this.carriers.baseUrlOf(platform.baseUrl),
      account: platform.account,
      applicationName: this.config.applicationName,
      sealedSecret: platform.sealedSecret,
      sealedWebhookUrl: this.carriers.box.seal(webhookUrl, platform.sealContext),
      ratePerSecond: platform.ratePerSecond,
      version: platform.version,
    };
  }

  /** Platforms of a system provider that numbers can be put on. */
  usable(systemProviderId: string, em: EntityManager = this.db.em()): Promise<Platform[]> {
    return em.find(Platform, { systemProviderId, deletedAt: null }, { orderBy: { createdAt: 'asc', id: 'asc' } });
  }

  /** By id, also a deleted one: for work that must come to its end. */
  async byId(id: string): Promise<Platform> {
    const platform = await this.db.em().findOne(Platform, { id });
    if (!platform) throw new NotFound('platform', id);
    return platform;
  }

  /** Keeps the platform from being deleted until the transaction ends; undefined when it is gone. */
  async hold(em: EntityManager, id: string): Promise<Platform | undefined> {
    const lockMode = LockMode.PESSIMISTIC_READ;
    return (await em.findOne(Platform, { id, deletedAt: null }, { lockMode })) ?? undefined;
  }

  async names(ids: readonly string[]): Promise<Map<string, string>> {
    const rows = await this.db.em().find(Platform, { id: { $in: [...new Set(ids)] } });
    return new Map(rows.map(({ id, name }) => [id, name]));
  }

  private async find(scope: TenantScope, id: string): Promise<Platform> {
    const platform = await this.db.em().findOne(Platform, { $and: [platformsSeenBy(scope), { id, deletedAt: null }] });
    if (!platform) throw new NotFound('platform', id);
    return platform;
  }

  private async lock(em: EntityManager, scope: TenantScope, id: string): Promise<Platform> {
    const lockMode = LockMode.PESSIMISTIC_WRITE;
    const where = { $and: [platformsSeenBy(scope), { id, deletedAt: null }] };
    const platform = await em.findOne(Platform, where, { lockMode });
    if (!platform) throw new NotFound('platform', id);
    return platform;
  }

  /** All credentials as they would be, or undefined when none would change. */
  private credentialsAfter(platform: Platform, given: UpdatePlatform): OpenCredentials | undefined {
    const { box } = this.carriers;
    const open = (sealed: string): string => box.open(sealed, platform.sealContext);
    const now = {
      account: platform.account,
      secret: open(platform.sealedSecret),
      token: platform.sealedExchangeToken ? open(platform.sealedExchangeToken) : '',
    };
    const after = {
      account: given.account ?? now.account,
      secret: given.secret ?? now.secret,
      token: given.messageExchangeToken ?? now.token,
    };
    if (after.account === now.account && after.secret === now.secret && after.token === now.token) return undefined;
    const { account, secret, token } = after;
    const profile = platform.exchangeProfile ?? 'canonical';
    return {
      kind: platform.kind,
      baseUrl: platform.baseUrl,
      account,
      secret,
      exchange: token ? { token, profile } : undefined,
    };
  }

  private sealedDifferences(platform: Platform, { account, secret, exchange }: OpenCredentials): SealedCredentials {
    return this.seal(platform.id, account, secret, exchange?.token);
  }

  private seal(platformId: string, account: string, secret: string, token: string | undefined): SealedCredentials {
    const { box } = this.carriers;
    const context = sealContextOf(platformId);
    return {
      account,
      sealedSecret: box.seal(secret, context),
      sealedExchangeToken: token ? box.seal(token, context) : null,
    };
  }

  /** At once where it can be; the consumer of our own facts makes sure. */
  private async project(id: string): Promise<void> {
    await this.endpoints
      .project(id)
      .catch((error: unknown) => log.warn({ platformId: id, err: error }, 'hook-endpoint-later'));
  }

  private async view({ actor }: RpcContext, platform: Platform, warnings: string[] = []): Promise<PlatformView> {
    const { sealContext, sealedExchangeToken, exchangeProfile } = platform;
    const masked = (sealed: string): string => maskSecret(this.carriers.box.open(sealed, sealContext));
    const { mms: mmsAvailable, whatsapp: whatsappAvailable } = manifestOf(platform.kind);
    // Whoever sets the carrier up needs it whole; it lets its holder feed us messages, so nobody else gets it.
    const needsUrl = actor.role === 'administrator' || actor.kind === 'system';
    return {
      id: platform.id,
      systemProviderId: platform.systemProviderId,
      kind: platform.kind,
      name: platform.name,
      account: maskSecret(platform.account),
      secret: masked(platform.sealedSecret),
      ...(sealedExchangeToken ? { messageExchangeToken: masked(sealedExchangeToken) } : {}),
      ...(exchangeProfile ? { messageExchangeProfile: exchangeProfile } : {}),
      baseUrl: this.carriers.baseUrlOf(platform.baseUrl),
      smsAvailable: platform.smsAvailable,
      mmsAvailable,
      whatsappAvailable,
      userCanBlockNumbers: platform.userCanBlockNumbers,
      ratePerSecond: platform.ratePerSecond,
      credentials: platform.credentials,
      ...(platform.lastVerifiedAt ? { lastVerifiedAt: platform.lastVerifiedAt.toISOString() } : {}),
      webhookUrl: needsUrl ? await this.endpoints.urlOf(platform) : this.endpoints.maskedUrlOf(platform),
      ...(warnings.length > 0 ? { warnings } : {}),
      version: platform.version,
      createdAt: platform.createdAt.toISOString(),
    };
  }
}
