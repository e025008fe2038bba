// A device that is shown a card's number, as a library for HPKE (RFC 9180) understands the standard.
//
//   node reveal.mjs '{"step":"key"}'
//   node reveal.mjs '{"step":"open","private_key":"…","reveal_token":"…","answer":{…}}'
//
// The first makes a key pair, the second opens an answer of POST /api/v2/cards/{card_id}/reveal.
import { CipherSuite, HkdfSha256 } from '@hpke/core';
import { Chacha20Poly1305 } from '@hpke/chacha20poly1305';
import { DhkemX25519HkdfSha256 } from '@hpke/dhkem-x25519';

const { step, private_key, reveal_token, answer } = JSON.parse(process.argv[2]);
const kem = new DhkemX25519HkdfSha256();
const suite = new CipherSuite({ kem, kdf: new HkdfSha256(), aead: new Chacha20Poly1305() });
const text = (bytes) => Buffer.from(bytes).toString('base64url');
const bytes = (text) => new Uint8Array(Buffer.from(text, 'base64url')).buffer;
const utf8 = (text) => new TextEncoder().encode(text).buffer;

if (step === 'key') {
  const pair = await kem.generateKeyPair();
  const keys = {
    public_key: text(await kem.serializePublicKey(pair.publicKey)),
    private_key: text(await kem.serializePrivateKey(pair.privateKey)),
  };
  console.log(JSON.stringify(keys));
} else {
  const opened = await suite.open(
    {
      recipientKey: await kem.deserializePrivateKey(bytes(private_key)),
      enc: bytes(answer.encapsulated_key),
      info: utf8('virtual-cards card reveal v1'),
    },
    bytes(answer.ciphertext),
    utf8(`${answer.card_id}.${reveal_token}`),
  );
  console.log(new TextDecoder().decode(opened));
}
