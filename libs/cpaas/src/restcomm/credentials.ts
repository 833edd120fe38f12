import { IsString, Length } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { Credential } from '../credentials.js';
import { WithMessageExchange } from '../exchange/port.js';

/** What a Restcomm platform is created with (carrier-restcomm §1.1). */
export class RestcommCredentials extends WithMessageExchange {
  @IsString()
  @Length(1, 128)
  @Credential({
    label: 'Account SID',
    hint: 'AC and 32 hexadecimal characters, from the Restcomm portal.',
    is: 'account',
  })
  @JSONSchema({ examples: ['AC0123456789abcdef0123456789abcdef'] })
  account!: string;

  @IsString()
  @Length(1, 256)
  @Credential({ label: 'Auth Token', hint: 'From the Restcomm portal.' })
  secret!: string;
}
