import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { LockMode, type EntityManager } from '@mikro-orm/postgresql';
import {
  provisioningRpc as rpc,
  type CreatePlatform,
  type PlatformAccessView,
  type PlatformView,
  type UpdatePlatform,
} from '@strowger/contracts-provisioning';
import { accountOf, type Carrier, carrierOf, carriers, sealCredentials, shownCredentials } from '@strowger/cpaas';
import {
  Clock,
  isWithin,
  maskSecret,
  newId,
  NotFound,
  type RpcContext,
  type RpcRequest,
  type TenantScope,
  checkVersion,
} from '@strowger/kernel';
import { Db, Outbox, sql } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { logger } from '@strowger/telemetry';
import { Carriers } from '../carriers/carriers.service.js';
import { ProvisioningConfig } from '../config.js';
import { platformsSeenBy } from '../visibility.js';
import { AlertHolds } from './alert-holds.service.js';
import { HookEndpoints } from './hook-endpoints.service.js';
import { PlatformVerification } from './platform-verification.service.js';
import { Platform, sealContextOf, type SealedCredentials } from './platform.entity.js';
import { PlatformHasNumbers, PlatformKindUnknown } from './platform.errors.js';

const log = logger('platforms');
/** Credentials by value, to compare them. */
const shown = (credentials: object): Record<string, string> => shownCredentials(credentials, (value) => value);

@Injectable()
export class PlatformsService {
  constructor(
    private readonly db: Db,
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly carriers: Carriers,
    private readonly holds: AlertHolds,
    private readonly endpoints: HookEndpoints,
    private readonly verification: PlatformVerification,
    private readonly config: ProvisioningConfig,
  ) {}

  /** Hold, verify, save: what fails gives the hold back, and the sweep does so for a process that died in between. */
  @Answers(rpc.createPlatform)
  async create(request: RpcRequest<CreatePlatform>): Promise<PlatformView> {
    const { scope, body: given } = request;
    const { systemProviderId, kind } = given;
    if (!isWithin(scope, { systemProviderId })) throw new NotFound('system-provider', systemProviderId);
    const carrier = carrierOf(kind);
    if (!carrier) throw new PlatformKindUnknown(carriers().map(({ manifest }) => manifest.kind));
    const credentials = this.carriers.parse(kind, given.credentials);
    // Finds an address that is not allowed before anybody is asked anything.
    const open = this.carriers.openWith(kind, credentials, given.baseUrl);
    const id = newId();
    await this.holds.take(request, id, systemProviderId);
    try {
      const warnings = await this.verification.check(open);
      const platform = Platform.create(
        id,
        given,
        carrier.manifest,
        this.seal(id, carrier, credentials),
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
      return await this.view(request, platform, warnings);
    } catch (error) {
      await this.holds.abandon(id);
      throw error;
    }
  }

  /** New credentials are verified first; nothing is saved when they don't work. */
  @Answers(rpc.updatePlatform)
  async update(request: RpcRequest<UpdatePlatform>): Promise<PlatformView> {
    const { scope, body: given } = request;
    const before = await this.find(scope, given.id);
    checkVersion('platform', before, given.version);
    const credentials = this.credentialsAfter(before, given);
    const warnings = credentials
      ? await this.verification.check(this.carriers.openWith(before.kind, credentials, before.baseUrl))
      : undefined;
    const platform = await this.db.transactional(async (em) => {
      const row = await this.lock(em, scope, given.id);
      // Old and new credentials were verified together, so the old ones must not have changed since.
      checkVersion('platform', row, credentials ? before.version : given.version);
      const sealed = credentials && this.seal(row.id, this.carriers.of(row.kind), credentials);
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
    return this.view(request, platform, warnings);
  }

  @Answers(rpc.getPlatform)
  async get(request: RpcRequest<rpc.ById>): Promise<PlatformView> {
    return this.view(request, await this.find(request.scope, request.body.id));
  }

  @Answers(rpc.listPlatforms)
  async list(request: RpcRequest<rpc.ListPlatforms>): Promise<PlatformView[]> {
    const { systemProviderId } = request.body;
    if (!isWithin(request.scope, { systemProviderId })) throw new NotFound('system-provider', systemProviderId);
    const rows = await this.db
      .em()
      .find(Platform, { systemProviderId, deletedAt: null }, { orderBy: { createdAt: 'asc', id: 'asc' } });
    return Promise.all(rows.map((row) => this.view(request, row)));
  }

  /** @throws AppError why they don't work now; the alert of a new incident goes out as well */
  @Answers(rpc.verifyPlatform)
  async verify(request: RpcRequest<rpc.ById>): Promise<PlatformView> {
    const { scope, body } = request;
    await this.find(scope, body.id);
    const warnings = await this.verification.verifyStored(body.id);
    return this.view(request, await this.find(scope, body.id), warnings);
  }

  @Answers(rpc.rotateWebhook)
  async rotateWebhook(request: RpcRequest<rpc.ById>): Promise<PlatformView> {
    const { id } = request.body;
    const platform = await this.db.transactional(async (em) => {
      const row = await this.lock(em, request.scope, id);
      await this.endpoints.issue(em, id);
      this.outbox.add(em, row.changed());
      return row;
    });
    await this.project(id);
    return this.view(request, platform);
  }

  @Answers(rpc.deletePlatform)
  async delete({ scope, body: { id } }: RpcRequest<rpc.ById>): Promise<null> {
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
    return null;
  }

  /** Service to service. Anyone else finds nothing here. */
  @Answers(rpc.getPlatformAccess)
  async access({ scope, actor, body: { id } }: RpcRequest<rpc.ById>): Promise<PlatformAccessView> {
    if (scope.level !== 'platform' || actor.kind !== 'system') throw new NotFound('platform', id);
    const platform = await this.find(scope, id);
    const webhookUrl = await this.endpoints.urlOf(platform);
    return {
      platformId: platform.id,
      systemProviderId: platform.systemProviderId,
      kind: platform.kind,
      baseUrl: this.carriers.baseUrlOf(platform.kind, platform.baseUrl),
      settings: { applicationName: this.config.applicationName },
      account: platform.account,
      sealedCredentials: platform.credentials,
      sealedWebhookUrl: this.carriers.box.seal(webhookUrl, platform.sealContext),
      ratePerSecond: platform.ratePerSecond,
      version: platform.version,
    };
  }

  /** Platforms of a system provider that numbers can be put on. */
  usable(systemProviderId: string, em: EntityManager = this.db.em()): Promise<Platform[]> {
    return em.find(Platform, { systemProviderId, deletedAt: null }, { orderBy: { createdAt: 'asc', id: 'asc' } });
  }

  /** By id, also a deleted one, for work that must be finished. */
  async byId(id: string): Promise<Platform> {
    const platform = await this.db.em().findOne(Platform, { id });
    if (!platform) throw new NotFound('platform', id);
    return platform;
  }

  /** As people call the carrier. */
  async carrierLabel(id: string): Promise<string> {
    return this.carriers.of((await this.byId(id)).kind).manifest.label;
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
  private credentialsAfter(platform: Platform, given: UpdatePlatform): object | undefined {
    if (!given.credentials) return undefined;
    const now = this.carriers.credentialsOf(platform);
    // A form that sends back what it was shown changes nothing: a mask is never what somebody means.
    const masks = shownCredentials(now, maskSecret);
    const changed = Object.entries(given.credentials)
      .filter(([name, value]) => value !== masks[name])
      .map(([name, value]) => [name, value === '' ? undefined : value]);
    const after = this.carriers.parse(platform.kind, { ...now, ...Object.fromEntries(changed) });
    return isDeepStrictEqual(shown(now), shown(after)) ? undefined : after;
  }

  private seal(platformId: string, carrier: Carrier, credentials: object): SealedCredentials {
    const { box } = this.carriers;
    const context = sealContextOf(platformId);
    const keys = carrier.hook.authentication?.keys(credentials);
    return {
      account: accountOf(credentials),
      credentials: sealCredentials(box, credentials, context),
      sealedHookKeys: keys ? box.seal(JSON.stringify(keys), context) : null,
    };
  }

  /** Written at once if possible; the consumer of our own facts writes it again. */
  private async project(id: string): Promise<void> {
    await this.endpoints
      .project(id)
      .catch((error: unknown) => log.warn({ platformId: id, err: error }, 'hook-endpoint-later'));
  }

  private async view({ actor }: RpcContext, platform: Platform, warnings: string[] = []): Promise<PlatformView> {
    const { mms: mmsAvailable, whatsapp: whatsappAvailable } = this.carriers.of(platform.kind).manifest;
    // Anyone who sets the carrier up needs the whole address. Its holder can send us messages, so nobody else gets it.
    const needsUrl = actor.role === 'administrator' || actor.kind === 'system';
    return {
      id: platform.id,
      systemProviderId: platform.systemProviderId,
      kind: platform.kind,
      name: platform.name,
      baseUrl: this.carriers.baseUrlOf(platform.kind, platform.baseUrl),
      options: {
        smsAvailable: platform.smsAvailable,
        mmsAvailable,
        whatsappAvailable,
        userCanBlockNumbers: platform.userCanBlockNumbers,
        ratePerSecond: platform.ratePerSecond,
      },
      credentials: shownCredentials(this.carriers.credentialsOf(platform), maskSecret),
      credentialsState: platform.credentialsState,
      ...(platform.lastVerifiedAt ? { lastVerifiedAt: platform.lastVerifiedAt.toISOString() } : {}),
      webhookUrl: needsUrl ? await this.endpoints.urlOf(platform) : this.endpoints.maskedUrlOf(platform),
      ...(warnings.length > 0 ? { warnings } : {}),
      version: platform.version,
      createdAt: platform.createdAt.toISOString(),
    };
  }
}
