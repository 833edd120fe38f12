import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { LockMode, type EntityManager } from '@mikro-orm/postgresql';
import {
  hierarchyRpc,
  type AddInterfaceUserAddress,
  type ById,
  type CreateInterfaceUser,
  type InterfaceUserAddress,
  type InterfaceUserView,
  type InterfaceUserWithPassword,
  type ListUnder,
  type RemoveInterfaceUserAddress,
  type SetInterfaceUserPassword,
  type UpdateInterfaceUser,
} from '@strowger/contracts-hierarchy';
import {
  checkVersion,
  Clock,
  InvalidInput,
  NotFound,
  parseNetwork,
  type Page,
  type RpcRequest,
  type TenantScope,
} from '@strowger/kernel';
import { Db } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { isEmpty, type Changes } from '../../history/changes.js';
import { HistoryService } from '../../history/history.service.js';
import { matching, pageByName, type Where } from '../../listing.js';
import { byPerson } from '../credentials/by-person.js';
import { PasswordHasher } from '../credentials/password-hasher.js';
import { checkPassword } from '../credentials/password.rules.js';
import { CredentialDrops } from '../credentials/credential-drops.js';
import { NodesService } from '../../nodes/nodes.service.js';
import { uniquely } from '../../uniqueness.js';
import { OperatorOnly, seenBy } from '../../visibility.js';
import { addressesOf, addressList, replaceAddresses } from './address-list.js';
import { IncidentReports } from './incident-reports.service.js';
import { InterfaceUser } from './interface-user.entity.js';
import { InterfaceUserExists } from './interface-user.errors.js';

const visible = (scope: TenantScope) => ({
  ...seenBy(scope, { 'system-provider': 'systemProviderId' }),
  endedAt: null,
});

/** 144 random bits. */
const madePassword = (): string => randomBytes(18).toString('base64url');

/** Interface users as administrators see them: made by the operator, kept by those at or above their system provider. */
@Injectable()
export class InterfaceUserAccounts {
  constructor(
    private readonly db: Db,
    private readonly clock: Clock,
    private readonly history: HistoryService,
    private readonly nodes: NodesService,
    private readonly passwords: PasswordHasher,
    private readonly drops: CredentialDrops,
    private readonly incidents: IncidentReports,
  ) {}

  /** @throws OperatorOnly: guide 002, "Kakapo Systems will create" them */
  @Answers(hierarchyRpc.createInterfaceUser)
  async create({ scope, actor, body: given }: RpcRequest<CreateInterfaceUser>): Promise<InterfaceUserWithPassword> {
    const provider = await this.nodes.get(scope, given.systemProviderId, 'system-provider');
    if (scope.level !== 'platform') throw new OperatorOnly('add interface users');
    byPerson(actor, 'add interface users');
    const addresses = addressList(given.addresses ?? []);
    const { password, passwordHash } = await this.password(given.password, given);
    return this.db.transactional(async (em) => {
      await this.nodes.lockProvider(scope, provider.id);
      const user = InterfaceUser.create(given, provider.id, passwordHash, this.clock.now());
      em.persist(user);
      const { userName, email } = given;
      const list = addresses.map(({ address }) => address);
      this.history.record(em, actor, 'created', user.historyObject(), { userName, email, addresses: list });
      await uniquely(em.flush(), { interface_user_name_active: () => new InterfaceUserExists(userName) });
      await replaceAddresses(this.db, user.id, addresses);
      return { ...user.view(addresses), ...(given.password ? {} : { password }) };
    });
  }

  @Answers(hierarchyRpc.updateInterfaceUser)
  async update({ scope, actor, body: given }: RpcRequest<UpdateInterfaceUser>): Promise<InterfaceUserView> {
    byPerson(actor, 'change interface users');
    return this.change(scope, given.id, async (em, user, before) => {
      checkVersion('interface user', user, given.version);
      const changes = user.update(given);
      const addresses = given.addresses && addressList(given.addresses);
      const after = addresses && (await this.changeAddresses(user, before, addresses, changes));
      if (!isEmpty(changes)) this.history.record(em, actor, 'updated', user.historyObject(), changes);
      return after ?? before;
    });
  }

  @Answers(hierarchyRpc.addInterfaceUserAddress)
  async addAddress({ scope, actor, body: given }: RpcRequest<AddInterfaceUserAddress>): Promise<InterfaceUserView> {
    byPerson(actor, 'change an access control list');
    const [entry] = addressList([given], 'address');
    return this.change(scope, given.id, async (em, user, before) => {
      const changes: Changes = {};
      const others = before.filter(({ address }) => address !== entry!.address);
      const after = await this.changeAddresses(user, before, addressList([...others, entry!]), changes);
      if (!isEmpty(changes)) this.history.record(em, actor, 'updated', user.historyObject(), changes);
      return after;
    });
  }

  /** Safe to repeat: an address that is not on the list is taken away already. */
  @Answers(hierarchyRpc.removeInterfaceUserAddress)
  async removeAddress({
    scope,
    actor,
    body: given,
  }: RpcRequest<RemoveInterfaceUserAddress>): Promise<InterfaceUserView> {
    byPerson(actor, 'change an access control list');
    const { network, reason } = parseNetwork(given.address, { ipv4: 0, ipv6: 0 });
    if (network === undefined)
      throw new InvalidInput([{ field: 'address', rule: 'ip-address', message: `The address ${reason}.` }]);
    return this.change(scope, given.id, async (em, user, before) => {
      const changes: Changes = {};
      const left = before.filter(({ address }) => address !== network);
      const after = await this.changeAddresses(user, before, left, changes);
      if (!isEmpty(changes)) this.history.record(em, actor, 'updated', user.historyObject(), changes);
      return after;
    });
  }

  /** The account stays locked if it is: who has the password need not be the one to unlock it. */
  @Answers(hierarchyRpc.setInterfaceUserPassword)
  async setPassword({
    scope,
    actor,
    body: given,
  }: RpcRequest<SetInterfaceUserPassword>): Promise<InterfaceUserWithPassword> {
    byPerson(actor, 'set the password of an interface user');
    const found = await this.find(scope, given.id);
    const { password, passwordHash } = await this.password(given.password, {
      email: found.email,
      userName: found.name,
    });
    const view = await this.change(scope, given.id, async (em, user, addresses) => {
      user.setPassword(passwordHash);
      this.history.record(em, actor, 'password-changed', user.historyObject());
      return addresses;
    });
    return { ...view, ...(given.password ? {} : { password }) };
  }

  /** Safe to repeat. */
  @Answers(hierarchyRpc.lockInterfaceUser)
  async lock({ scope, actor, body: { id } }: RpcRequest<ById>): Promise<InterfaceUserView> {
    byPerson(actor, 'lock interface users');
    return this.change(scope, id, async (em, user, addresses) => {
      if (!user.lock('administrator', this.clock.now())) return addresses;
      this.history.record(em, actor, 'locked', user.historyObject(), { reason: 'administrator' });
      await this.incidents.locked(em, user, { address: actor.ip });
      return addresses;
    });
  }

  /** Safe to repeat. */
  @Answers(hierarchyRpc.unlockInterfaceUser)
  async unlock({ scope, actor, body: { id } }: RpcRequest<ById>): Promise<InterfaceUserView> {
    byPerson(actor, 'unlock interface users');
    return this.change(scope, id, async (em, user, addresses) => {
      if (user.unlock()) this.history.record(em, actor, 'unlocked', user.historyObject());
      return addresses;
    });
  }

  @Answers(hierarchyRpc.deleteInterfaceUser)
  async delete({ scope, actor, body: { id } }: RpcRequest<ById>): Promise<null> {
    byPerson(actor, 'delete interface users');
    await this.change(scope, id, async (em, user) => {
      user.end(this.clock.now());
      await replaceAddresses(this.db, user.id, []);
      this.history.record(em, actor, 'deleted', user.historyObject());
      return [];
    });
    return null;
  }

  @Answers(hierarchyRpc.getInterfaceUser)
  async get({ scope, body: { id } }: RpcRequest<ById>): Promise<InterfaceUserView> {
    const user = await this.find(scope, id);
    return user.view((await addressesOf(this.db, [user.id])).get(user.id)!);
  }

  @Answers(hierarchyRpc.listInterfaceUsers)
  async list({ scope, body: query }: RpcRequest<ListUnder>): Promise<Page<InterfaceUserView>> {
    const where: Where[] = [visible(scope), ...matching(query.search, 'name', 'email')];
    if (query.parentId) {
      const provider = await this.nodes.get(scope, query.parentId, 'system-provider');
      where.push({ systemProviderId: provider.id });
    }
    return pageByName(this.db.em(), InterfaceUser, where, query, async (rows) => {
      const lists = await addressesOf(
        this.db,
        rows.map(({ id }) => id),
      );
      return rows.map((row) => row.view(lists.get(row.id)!));
    });
  }

  async find(scope: TenantScope, id: string): Promise<InterfaceUser> {
    const user = await this.db.em().findOne(InterfaceUser, { $and: [visible(scope), { id }] });
    if (!user) throw new NotFound('interface-user', id);
    return user;
  }

  /** With the row locked; verified logins of before are forgotten everywhere when the change is one that ends them. */
  private change(
    scope: TenantScope,
    id: string,
    apply: (
      em: EntityManager,
      user: InterfaceUser,
      addresses: InterfaceUserAddress[],
    ) => Promise<InterfaceUserAddress[]>,
  ): Promise<InterfaceUserView> {
    return this.db.transactional(async (em) => {
      const where = { $and: [visible(scope), { id }] };
      const user = await em.findOne(InterfaceUser, where, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true });
      if (!user) throw new NotFound('interface-user', id);
      const revision = user.authRevision;
      const addresses = await apply(em, user, (await addressesOf(this.db, [user.id])).get(user.id)!);
      if (user.authRevision !== revision) this.drops.afterCommit({ interfaceUserIds: [user.id] });
      await em.flush();
      return user.view(addresses);
    });
  }

  private async changeAddresses(
    user: InterfaceUser,
    before: InterfaceUserAddress[],
    after: InterfaceUserAddress[],
    changes: Changes,
  ): Promise<InterfaceUserAddress[]> {
    if (JSON.stringify(before) === JSON.stringify(after)) return before;
    const texts = (list: InterfaceUserAddress[]): string[] => list.map(({ address }) => address);
    changes['addresses'] = { from: texts(before), to: texts(after) };
    user.authChanged();
    await replaceAddresses(this.db, user.id, after);
    return after;
  }

  private async password(
    given: string | undefined,
    owner: { email: string; userName: string },
  ): Promise<{ password: string; passwordHash: string }> {
    if (given) checkPassword(given, owner);
    const password = given ?? madePassword();
    return { password, passwordHash: await this.passwords.hash(password) };
  }
}
