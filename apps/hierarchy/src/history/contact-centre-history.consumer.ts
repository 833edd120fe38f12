import { ContactCentreChangedV1 } from '@strowger/contracts-routing';
import type { Actor } from '@strowger/kernel';
import { Consumer, HandlesMany, type Received } from '@strowger/messaging';
import { HistoryService } from './history.service.js';

/** What is done to queues, media streams and agents in routing goes into the one history there is. */
@Consumer('hierarchy-contact-centre-history')
export class ContactCentreHistory {
  constructor(private readonly history: HistoryService) {}

  @HandlesMany(ContactCentreChangedV1)
  async onChanged(changes: Received<ContactCentreChangedV1>[]): Promise<void> {
    const rows = changes.map(({ id, time, data }) => {
      const { objectKind: kind, objectId, objectName: name, systemProviderId, resellerId, groupId } = data;
      const about = { kind, id: objectId, name, systemProviderId, resellerId, groupId };
      // The fact's id is of the moment it was written, and in a history the order of ids is the order of time.
      return { ...this.history.rowOf(data.actor as Actor, data.action, about, data.changes), id, at: time };
    });
    await this.history.recordAll(rows);
  }
}
