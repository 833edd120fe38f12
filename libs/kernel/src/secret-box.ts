import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { AppError } from './app-error.js';

/** `keyId.iv.tag.ciphertext`, each part base64url. Safe to store; useless without the keyring. */
export type Sealed = string & { readonly __sealed: unique symbol };

/**
 * AES-256-GCM envelopes with a keyring: the first key seals, every key opens, so a key rotates by being put in front
 * and the old one removed once everything is sealed again. `context` binds an envelope to its row (additional
 * authenticated data), so a ciphertext copied to another tenant's row does not open.
 */
export class SecretBox {
  private constructor(
    private readonly keys: ReadonlyMap<string, Buffer>,
    private readonly current: string,
  ) {}

  /** @param keyring `id:base64,id:base64`; each key 32 bytes, the first one seals. */
  static fromKeyring(keyring: string): SecretBox {
    const keys = new Map<string, Buffer>();
    for (const entry of keyring
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean)) {
      const colon = entry.indexOf(':');
      const key = Buffer.from(entry.slice(colon + 1), 'base64');
      if (colon < 1 || key.length !== 32) throw new Error('A keyring is id:base64,id:base64 with keys of 32 bytes.');
      keys.set(entry.slice(0, colon), key);
    }
    const [current] = keys.keys();
    if (current === undefined) throw new Error('The keyring has no key.');
    return new SecretBox(keys, current);
  }

  seal(secret: string, context: string): Sealed {
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.keys.get(this.current)!, iv);
    cipher.setAAD(Buffer.from(context));
    const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    return [this.current, ...[iv, cipher.getAuthTag(), sealed].map((b) => b.toString('base64url'))].join('.') as Sealed;
  }

  open(sealed: Sealed | string, context: string): string {
    const [keyId = '', iv = '', tag = '', ciphertext = ''] = sealed.split('.');
    const key = this.keys.get(keyId);
    if (!key)
      throw new AppError(
        'internal',
        'secret-key-missing',
        'A stored secret was sealed with a key that is not in the keyring.',
        { keyId },
      );
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'base64url'));
      decipher.setAAD(Buffer.from(context));
      decipher.setAuthTag(Buffer.from(tag, 'base64url'));
      return Buffer.concat([decipher.update(Buffer.from(ciphertext, 'base64url')), decipher.final()]).toString('utf8');
    } catch (cause) {
      throw new AppError('internal', 'secret-unreadable', 'A stored secret could not be opened.', { keyId }, { cause });
    }
  }

  /** True when the envelope was sealed with an older key and should be sealed again. */
  isStale(sealed: Sealed | string): boolean {
    return !sealed.startsWith(`${this.current}.`);
  }
}

/** First two and last two characters (`AC.....8e`); shorter than eight characters shows nothing. */
export const maskSecret = (secret: string): string =>
  secret.length < 8 ? '.....' : `${secret.slice(0, 2)}.....${secret.slice(-2)}`;
