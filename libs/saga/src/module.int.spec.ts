import { Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { newId } from '@strowger/kernel';
import { Db, PersistenceModule } from '@strowger/persistence';
import { setLogLevel } from '@strowger/telemetry';
import { type FixtureDb, carrierOf, sagaDatabase, sample } from './saga.fixtures.js';
import { SagaModule, SagaRunner } from './index.js';

setLogLevel('silent');

it('runs sagas inside an application, registered by its features', async () => {
  const database = await sagaDatabase();

  @Injectable()
  class Numbers implements OnModuleInit {
    constructor(
      readonly sagas: SagaRunner,
      readonly db: Db,
    ) {}
    onModuleInit(): void {
      const db = Object.assign(this.db, { sql: () => Promise.resolve([{ one: 1 }]) }) as unknown as FixtureDb;
      this.sagas.register(sample, { carrier: carrierOf(db), db });
    }
  }
  @Module({
    imports: [
      PersistenceModule.forRoot({
        service: 'provisioning',
        databaseUrl: database.url,
        entities: [],
        migrations: [],
        publisher: 'none',
      }),
      SagaModule.forRoot({ service: 'provisioning' }),
    ],
    providers: [Numbers],
  })
  class App {}

  const app = await NestFactory.createApplicationContext(App, { logger: false, abortOnError: false });
  const { sagas } = app.get(Numbers);
  const id = newId();
  const { settled } = await sagas.start(sample, { number: '+12015550123' }, { id, subject: id });
  expect(await settled(5000)).toMatchObject({ state: 'done' });
  await app.close();
  await database.drop();
});
