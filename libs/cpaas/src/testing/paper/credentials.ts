import { IsString, Length } from 'class-validator';
import { Credential } from '../../credentials.js';

/** Three secrets: two for our requests, one for the carrier's webhooks. */
export class PaperCredentials {
  @IsString() @Length(1, 64) @Credential({ label: 'Account', is: 'account' }) account!: string;
  @IsString() @Length(1, 128) @Credential({ label: 'API Key' }) apiKey!: string;
  @IsString() @Length(1, 128) @Credential({ label: 'API Secret' }) apiSecret!: string;
  @IsString() @Length(1, 128) @Credential({ label: 'Signing Key', hint: 'Proves their webhooks.' }) signingKey!: string;
}
