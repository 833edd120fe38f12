import { Controller, Inject } from '@nestjs/common';
import { notificationRpc, type ListDeliveries, type MailDeliveryView } from '@strowger/contracts-notification';
import { Answers } from '@strowger/http';
import type { Page, RpcRequest } from '@strowger/kernel';
import { MailService } from './mail.service.js';

@Controller()
export class MailController {
  constructor(@Inject(MailService) private readonly mail: MailService) {}

  @Answers(notificationRpc.listDeliveries)
  list({ scope, body }: RpcRequest<ListDeliveries>): Promise<Page<MailDeliveryView>> {
    return this.mail.list(scope, body);
  }
}
