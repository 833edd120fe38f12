import { AlertRecipientsChangedV1 } from '@strowger/contracts-hierarchy';
import { Consumer, Handles, type Received } from '@strowger/messaging';
import { Db, sql } from '@strowger/persistence';

@Consumer('notification-alert-recipients')
export class RecipientsConsumer {
  constructor(private readonly db: Db) {}

  /** The whole list comes each time; an older sequence changes nothing. */
  @Handles(AlertRecipientsChangedV1)
  async onAlertRecipientsChanged({ data, sequence }: Received<AlertRecipientsChangedV1>): Promise<void> {
    await this.db.query(sql`
      insert into alert_recipients (system_provider_id, sequence, system_provider_name, recipients)
      values (${data.systemProviderId}, ${sequence}, ${data.systemProviderName}, ${JSON.stringify(data.recipients)}::jsonb)
      on conflict (system_provider_id) do update
        set sequence = excluded.sequence, system_provider_name = excluded.system_provider_name, recipients = excluded.recipients
        where alert_recipients.sequence < excluded.sequence`);
  }
}
