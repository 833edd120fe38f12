import { Injectable, Module, type DynamicModule, type INestApplicationContext, type Provider } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { IsInt } from 'class-validator';
import { factOf, newId, type Fact } from '@strowger/kernel';
import { Consumer, Handles, HandlesMany, Messaging, MessagingModule, type Received } from '@strowger/messaging';
import { NatsLink } from '@strowger/rpc';
import { Db, migrate, Migration, Outbox, OUTBOX_INBOX_SQL, OutboxRelay, PersistenceModule, sql } from './index.js';

export class AccountChangedV1 {
  static readonly type = 'hierarchy.account.changed.v1';
  @IsInt() balance!: number;
}

@Entity({ tableName: 'account' })
export class Account {
  @PrimaryKey({ type: 'uuid' }) id: string = newId();
  @Property({ type: 'integer' }) balance = 0;
  @Property({ version: true }) version!: number;

  add(amount: number): Fact {
    this.balance += amount;
    const about = { subject: this.id, sequence: (this.version ?? 0) + 1, tenantId: 'sp-1' };
    return factOf(AccountChangedV1, about, { balance: this.balance });
  }
}

@Entity({ tableName: 'seen' })
export class Seen {
  @PrimaryKey({ type: 'uuid' }) id: string = newId();
  @Property({ type: 'uuid' }) account!: string;
  @Property({ type: 'integer' }) balance!: number;
}

export class M20261120a extends Migration {
  override up(): void {
    this.addSql(OUTBOX_INBOX_SQL);
    this.addSql('create table account (id uuid primary key, balance int not null, version int not null default 1)');
    this.addSql('create table seen (id uuid primary key, account uuid not null, balance int not null)');
    this.addSql('create table tag (name text constraint tag_name_unique unique)');
  }
}

export const migrateTest = async (databaseUrl: string): Promise<void> => {
  await migrate({ databaseUrl, service: 'hierarchy', migrations: [M20261120a] });
};

@Injectable()
export class Accounts {
  constructor(
    private readonly db: Db,
    private readonly outbox: Outbox,
  ) {}

  async change(id: string, amount: number): Promise<void> {
    await this.db.transactional(async (em) => {
      const account = (await em.findOne(Account, id)) ?? em.create(Account, { id, balance: 0 } as Account);
      em.persist(account);
      this.outbox.add(em, account.add(amount), { correlationId: 'c-1' });
    });
  }
}

/** Writes down what it hears; `before` and `after` are where a test breaks it. */
@Consumer('hierarchy-listener', { ackWaitSeconds: 1 })
export class Listener {
  before: (received: Received<AccountChangedV1>) => unknown = () => undefined;
  after: (received: Received<AccountChangedV1>) => unknown = () => undefined;

  constructor(private readonly db: Db) {}

  @Handles(AccountChangedV1)
  async onChanged(received: Received<AccountChangedV1>): Promise<void> {
    await this.before(received);
    await this.db.transactional(async (em) => {
      em.persist(em.create(Seen, { account: received.subject, balance: received.data.balance } as Seen));
      await em.flush();
    });
    await this.after(received);
  }
}

/** Writes down what it hears, as much at once as there is. */
@Consumer('hierarchy-crowd', { ackWaitSeconds: 1, maxDeliver: 2, concurrency: 2 })
export class Crowd {
  readonly lists: string[][] = [];
  before: (received: Received<AccountChangedV1>[]) => unknown = () => undefined;

  constructor(private readonly db: Db) {}

  @HandlesMany(AccountChangedV1, 50)
  async onChanged(received: Received<AccountChangedV1>[]): Promise<void> {
    this.lists.push(received.map(({ subject }) => subject));
    await this.before(received);
    const rows = received.map(({ subject, data }) => ({ account: subject, balance: data.balance }));
    await this.db.query(sql`
      insert into seen (id, account, balance)
      select * from unnest(${rows.map(() => newId())}::uuid[], ${rows.map((r) => r.account)}::uuid[], ${rows.map((r) => r.balance)}::int[])`);
  }
}

@Module({})
class TestModule {
  static with(options: {
    databaseUrl: string;
    link: NatsLink;
    providers: Provider[];
    poolSize?: number;
  }): DynamicModule {
    const { databaseUrl, link, providers, poolSize } = options;
    return {
      module: TestModule,
      global: true,
      imports: [
        MessagingModule.forRoot(),
        PersistenceModule.forRoot({
          service: 'hierarchy',
          databaseUrl,
          entities: [Account, Seen],
          migrations: [M20261120a],
          poolSize,
          relay: { standbyMs: 50, pollMs: 100 },
        }),
      ],
      providers: [{ provide: NatsLink, useValue: link }, Accounts, ...providers],
      exports: [NatsLink],
    };
  }
}

export interface World {
  app: INestApplicationContext;
  db: Db;
  outbox: Outbox;
  relay: OutboxRelay;
  messaging: Messaging;
  accounts: Accounts;
  seen(): Promise<{ account: string; balance: number }[]>;
  /** The connection is cut and nothing is said to anybody, as by kill -9. */
  crash(): Promise<void>;
  close(): Promise<void>;
}

export async function startWorld(options: {
  databaseUrl: string;
  natsUrl: string;
  listener?: boolean;
  crowd?: boolean;
  poolSize?: number;
}): Promise<World> {
  const providers = [...(options.listener ? [Listener] : []), ...(options.crowd ? [Crowd] : [])];
  const link = new NatsLink(options.natsUrl, 'hierarchy');
  const module = TestModule.with({ ...options, link, providers });
  const app = await NestFactory.createApplicationContext(module, { logger: false });
  const messaging = app.get(Messaging);
  const db = app.get(Db);
  let closed = false;
  return {
    app,
    db,
    outbox: app.get(Outbox),
    relay: app.get(OutboxRelay),
    messaging,
    accounts: app.get(Accounts),
    seen: () => db.query(sql<{ account: string; balance: number }>`select account, balance from seen order by id`),
    crash: async () => {
      await messaging.nc.close();
    },
    close: async () => {
      if (closed) return;
      closed = true;
      await app.close();
      await link.close();
    },
  };
}
