/** Reads any protobuf message without knowing its schema (protobuf.dev/programming-guides/encoding). */
export class Message {
  readonly #fields = new Map<number, (bigint | Uint8Array)[]>();

  constructor(bytes: Uint8Array) {
    let at = 0;
    const varint = () => {
      let value = 0n;
      for (let shift = 0n; ; shift += 7n) {
        const byte = bytes[at++];
        if (byte === undefined) throw new Error('cut off');
        value |= BigInt(byte & 127) << shift;
        if (byte < 128) return value;
      }
    };
    while (at < bytes.length) {
      const key = Number(varint());
      const wire = key & 7;
      if (wire === 0) {
        this.#add(key >> 3, varint());
        continue;
      }
      if (wire !== 2 && wire !== 5) throw new Error(`wire type ${wire}`);
      const length = wire === 5 ? 4 : Number(varint());
      if (at + length > bytes.length) throw new Error('cut off');
      this.#add(key >> 3, bytes.subarray(at, at + length));
      at += length;
    }
  }

  #add(field: number, value: bigint | Uint8Array): void {
    this.#fields.set(field, [...(this.#fields.get(field) ?? []), value]);
  }

  bytes(field: number): Uint8Array[] {
    return (this.#fields.get(field) ?? []) as Uint8Array[];
  }

  messages(field: number): Message[] {
    return this.bytes(field).map((bytes) => new Message(bytes));
  }

  texts(field: number): string[] {
    return this.bytes(field).map((bytes) => new TextDecoder().decode(bytes));
  }

  text(field: number): string | undefined {
    return this.texts(field)[0];
  }

  numbers(field: number): number[] {
    return (this.#fields.get(field) ?? []).map(Number);
  }
}
