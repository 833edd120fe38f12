import { STORY, World } from '@strowger/demo';
import { e2e } from './world.fixtures.js';

const stack = e2e('story', 21_000);

describe('the story of the demo', () => {
  let enacted: World;
  let broken = false;
  beforeAll(async () => {
    enacted = await World.enter(stack.world.addresses);
  });
  afterAll(() => enacted?.leave());

  for (const [id, title, happens] of STORY)
    stack.holds(`${id}: ${title}`, async () => {
      // Each step begins where the one before it ended.
      if (broken) throw new Error('a step before this one did not hold');
      broken = true;
      expect(await happens(enacted)).toBeTruthy();
      broken = false;
    });

  stack.holds('the books agree in the end', async (world) => {
    expect(await world.differences()).toEqual([]);
    expect(await world.licenseDifferences()).toEqual([]);
  });

  stack.holds(
    'and show a text lost, one made up, a send, a number and a mail that are not as written',
    async (world) => {
      const { twins, account, number, portalUser } = enacted;
      const gone = await world.sql(
        `delete from routing.message where id = (select id from routing.message where direction = 'inbound' order by id limit 1) returning carrier_message_id`,
      );
      await world.sql(
        `insert into routing.message select (jsonb_populate_record(m, jsonb_build_object('id', gen_random_uuid(), 'carrier_message_id', 'SMmadeup'))).*
       from routing.message m where direction = 'inbound' limit 1`,
      );
      const [unknown] = await world.sql(
        `update routing.send_attempt set carrier_message_id = 'SMnowhere' where id = (select id from routing.send_attempt where carrier_message_id is not null limit 1) returning id`,
      );
      expect(unknown).toBeDefined();
      await twins.putNumber({ accountSid: account.sid, phone_number: `1${number.number}` });
      await world.sql(
        `update notification.mail_delivery set state = 'queued' where recipient = '${portalUser.email}' and state = 'sent'`,
      );
      const lines = await world.differences();
      for (const line of [
        `message-missing  ${String(gone[0]?.['carrier_message_id'])}`,
        'message-extra  SMmadeup',
        'sent-unknown  SM',
        'sent-nowhere  SMnowhere',
        `number-left-behind  ${number.e164}`,
        'mail-unsettled  ',
      ])
        expect(lines).toContainEqual(expect.stringContaining(line));
    },
  );
});
