import {
  hierarchyRpc as h,
  type CreateInterfaceUser,
  type InterfaceUserWithPassword,
} from '@strowger/contracts-hierarchy';
import { startService } from '@strowger/http';
import { Messaging } from '@strowger/messaging';
import { AppModule, SERVICE } from '../../app.module.js';
import { PASSWORD, startHierarchy } from '../../hierarchy.fixtures.js';
import { PasswordHasher } from '../credentials/password-hasher.js';
import { InterfaceUsersService, type InterfaceLogin } from './interface-users.service.js';

/** On the list of every interface user made here, unless the test says otherwise. */
export const HERE = '198.51.100.7';
export const ELSEWHERE = '203.0.113.99';

export type Doors = Awaited<ReturnType<typeof startDoors>>;

/** The service twice on one database, as two replicas, and what a back office does with it. */
export async function startDoors() {
  const world = await startHierarchy();
  const other = await startService({
    name: SERVICE,
    module: AppModule.forRoot(world.config, world.clock),
    config: world.config,
    rpc: false,
  });
  await other.app.get(Messaging).ready();
  const door = world.service.app.get(InterfaceUsersService);
  let counter = 0;
  const historyOf = async (accountId?: string) =>
    (await world.call(h.listLoginHistory, { accountId, limit: 200 })).items;
  return {
    world,
    /** Of the other replica. */
    far: other.app.get(InterfaceUsersService),
    interfaceUser: async (more: Partial<CreateInterfaceUser> = {}): Promise<InterfaceUserWithPassword> =>
      world.call(h.createInterfaceUser, {
        systemProviderId: more.systemProviderId ?? (await world.given.provider()).id,
        userName: `Backoffice-${++counter}`,
        email: 'backoffice@acme.example',
        password: PASSWORD,
        addresses: [{ address: HERE }],
        ...more,
      }),
    login: (userName: string | undefined, more: Partial<InterfaceLogin> = {}, at = door) =>
      at.authenticate({ ...LOGIN, userName, ...more }),
    historyOf,
    outcomesOf: async (accountId: string) => (await historyOf(accountId)).map(({ outcome }) => outcome),
    viewOf: (id: string) => world.call(h.getInterfaceUser, { id }),
    /** Counts the verifications of passwords, which stay real. */
    verifications(): { calls: number; restore(): void } {
      const hasher = world.service.app.get(PasswordHasher);
      const real = hasher.verify.bind(hasher);
      const spy = { calls: 0, restore: () => Reflect.deleteProperty(hasher, 'verify') };
      hasher.verify = (...args) => {
        spy.calls += 1;
        return real(...args);
      };
      return spy;
    },
    /** How many statements the service sends meanwhile. */
    async statements(work: () => Promise<unknown>): Promise<number> {
      const real = world.db.query.bind(world.db);
      let count = 0;
      world.db.query = ((query: never) => {
        count += 1;
        return real(query);
      }) as typeof world.db.query;
      try {
        await work();
      } finally {
        Reflect.deleteProperty(world.db, 'query');
      }
      return count;
    },
    async stop(): Promise<void> {
      await other.close();
      await world.stop();
    },
  };
}

export const LOGIN: InterfaceLogin = {
  userName: undefined,
  password: PASSWORD,
  address: HERE,
  forwardedFor: HERE,
  binding: 'SOAP11',
  operation: 'Ping',
  userAgent: 'spec',
  requestId: 'r-1',
};
