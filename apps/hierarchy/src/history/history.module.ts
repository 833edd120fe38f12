import { Module } from '@nestjs/common';
import { ContactCentreHistory } from './contact-centre-history.consumer.js';
import { HistoryController } from './history.controller.js';
import { HistoryService } from './history.service.js';

/** The one history of who did what, which every feature writes to. */
@Module({
  controllers: [HistoryController],
  providers: [ContactCentreHistory, HistoryService],
  exports: [HistoryService],
})
export class HistoryModule {}
