import { Module } from '@nestjs/common';
import { ContactCentreHistory } from './contact-centre-history.consumer.js';
import { HistoryService } from './history.service.js';

/** The one history of who did what, which every feature writes to. */
@Module({
  providers: [ContactCentreHistory, HistoryService],
  exports: [HistoryService],
})
export class HistoryModule {}
