import { type DescFile, type DescMessage, type DescService, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';

/** The descriptors of what a server speaks, as reflection asks for them. */
export interface DescriptorIndex {
  /** Fully qualified names of the services. */
  readonly services: readonly string[];
  /** By name, such as `mainstem/v1/event.proto`: its FileDescriptorProto after those that it needs. */
  file(name: string): readonly Uint8Array[] | undefined;
  /** The same of the file that defines a symbol: a message, enum, service, method, field or enum value. */
  fileOf(symbol: string): readonly Uint8Array[] | undefined;
  /** The same of the file that defines this extension of a message. */
  fileOfExtension(message: string, number: number): readonly Uint8Array[] | undefined;
  /** The numbers of a message's extensions; undefined where there is no such message. */
  extensionsOf(message: string): readonly number[] | undefined;
}

/** @param extra files that no service needs, but whose messages go about as error details */
export function indexDescriptors(services: readonly DescService[], extra: readonly DescFile[]): DescriptorIndex {
  const files = new Map<string, DescFile>();
  const symbols = new Map<string, DescFile>();
  const messages = new Map<string, Map<number, DescFile>>();

  function addMessage(message: DescMessage, file: DescFile): void {
    symbols.set(message.typeName, file);
    messages.set(message.typeName, messages.get(message.typeName) ?? new Map());
    for (const field of message.fields) symbols.set(`${message.typeName}.${field.name}`, file);
    for (const oneof of message.oneofs) symbols.set(`${message.typeName}.${oneof.name}`, file);
    for (const nested of message.nestedMessages) addMessage(nested, file);
    addEnums(message.nestedEnums, message.typeName, file);
  }
  function addEnums(enums: DescFile['enums'], scope: string, file: DescFile): void {
    for (const each of enums) {
      symbols.set(each.typeName, file);
      // An enum's values are named beside the enum, not below it.
      for (const value of each.values) symbols.set(scope === '' ? value.name : `${scope}.${value.name}`, file);
    }
  }
  function addFile(file: DescFile): void {
    if (files.has(file.proto.name)) return;
    files.set(file.proto.name, file);
    for (const needed of file.dependencies) addFile(needed);
    for (const message of file.messages) addMessage(message, file);
    addEnums(file.enums, file.proto.package, file);
    for (const extension of file.extensions) {
      symbols.set(extension.typeName, file);
      const extended = messages.get(extension.extendee.typeName) ?? new Map<number, DescFile>();
      messages.set(extension.extendee.typeName, extended.set(extension.number, file));
    }
    for (const service of file.services) {
      symbols.set(service.typeName, file);
      for (const method of service.methods) symbols.set(`${service.typeName}.${method.name}`, file);
    }
  }
  for (const service of services) addFile(service.file);
  for (const file of extra) addFile(file);

  const encoded = new Map<DescFile, Uint8Array>();
  function withNeeded(file: DescFile | undefined): readonly Uint8Array[] | undefined {
    if (file === undefined) return undefined;
    const needed = new Set<DescFile>();
    const add = (each: DescFile) => {
      for (const dependency of each.dependencies) add(dependency);
      needed.add(each);
    };
    add(file);
    return [...needed].map((each) => {
      const bytes = encoded.get(each) ?? toBinary(FileDescriptorProtoSchema, each.proto);
      encoded.set(each, bytes);
      return bytes;
    });
  }

  return {
    services: services.map(({ typeName }) => typeName).sort(),
    file: (name) => withNeeded(files.get(name)),
    fileOf: (symbol) => withNeeded(symbols.get(symbol.replace(/^\./, ''))),
    fileOfExtension: (message, number) => withNeeded(messages.get(message)?.get(number)),
    extensionsOf: (message) => {
      const extensions = messages.get(message);
      return extensions && [...extensions.keys()];
    },
  };
}
