// Which entry of the runbook (docs/runbook.md) says what to do. The console knows no address of it: everybody has a copy
// of their own.

const ENTRIES = [
  [/^CONFIG_FILE/, "FlowGuardConfigurationRefused"],
  [/balances are not written down/, "FlowGuardNotWrittenDown"],
  [/what others configure cannot be read/, "FlowGuardStoreConfigurationLags"],
  [/shared store is away|maxmemory-policy/, "FlowGuardStoreAway"],
  [/TLS_CERT_FILE|TLS_KEY_FILE|certificate/, "FlowGuardCertificateExpiring"],
];

/** The entry for a reason that health names; nothing, where there is none. */
export const entryFor = (reason) => ENTRIES.find(([pattern]) => pattern.test(reason))?.[1];
