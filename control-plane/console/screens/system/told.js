// The answer of the control plane as facts in words.

import { count, counted, percent } from "../../parts/number.js";
import { ago, time } from "../../parts/time.js";

const KINDS = {
  data_dir: "in a folder of this machine", memory: "in memory alone: nothing outlives the process",
  shared: "in a store that control planes share",
};

const OUTCOMES = {
  admitted: "Admitted", rpm_exceeded: "Refused by rpm", tpm_exceeded: "Refused by tpm",
  limit_exceeded: "Refused by another limit", unknown_client: "Refused: nobody configured",
  unauthenticated: "Refused: not known who asks", invalid_identity: "Refused: no client's id",
  completed: "Completed", aborted: "Broken off", canceled: "Canceled by who asked", timed_out: "Timed out",
  upstream_failed: "The upstream failed", upstream_refused: "The upstream refused",
  lost: "Lost: its worker did not come back",
};

const FAILURES = {
  journal_unwritten: "Decisions not written down", config_file_errors: "CONFIG_FILE was wrong",
  auth_refused: "Calls without a right token",
  store_calls: "Calls to the store that failed", store_undecided: "Decided without the store",
};

/** What it is. */
export const self = (of) => [
  ["Version", of.version], ["Name", of.replica], ["Started", since(of.started, Date.parse(of.time))],
  ["Control planes", of.replicas > 1 ? `${count(of.replicas)} share the store, this one among them` : "1"],
  ["Configured", [counted(of.clients, "client"), counted(of.limits, "limit"), counted(of.models, "model")].join(", ")],
  ["Readers of events", count(of.event_listeners)],
];

/** Where what it knows is kept. */
export function store({ store: { kind, data_dir: folder, state, since: away }, settings: { STORE_FAILURE_MODE: mode }, time: now }) {
  const isAway = state === "away";
  return [
    ["Kept", KINDS[kind] ?? kind], ["Folder", folder],
    ["State", state && (isAway ? "away: what is decided cannot be written there" : "ok"), isAway ? "bad" : "well"],
    ["Away since", isAway && away && since(away, Date.parse(now)), "bad"],
    ["While it is away", kind === "shared" && mode && `requests meet STORE_FAILURE_MODE ${mode}`],
  ];
}

const since = (moment, now) => [time(moment), `, ${ago(moment, now)}`];

/** What was decided, and what is under way. */
export function decisions(of) {
  const all = sum(of.decisions);
  return [["Under way now", counted(of.open_requests, "request")], ...outcomes(of.decisions, all), ["All", count(all)]];
}

/** How admitted requests ended. */
export const ends = (of) => outcomes(of.ends, sum(of.ends));

const sum = (counts) => Object.values(counts).reduce((all, many) => all + many, 0);

/** What went wrong. */
export const failures = (of) => Object.entries(of.failures)
  .map(([name, many]) => [FAILURES[name] ?? name, count(many), many && "warn"]);

/** Decisions that are kept for looking back. */
export function kept({ decisions_kept: told, time: now }) {
  if (!told) return [["Kept", "none: DECISIONS_KEPT is 0, or a store is shared"]];
  const { count: many, limit, oldest } = told;
  return [["Kept", `${count(many)} of at most ${count(limit)}`],
    ["All of them from", oldest && [time(oldest), ` on (${ago(oldest, Date.parse(now))})`]]];
}

/** Settings, by their names. */
export const settings = (of) => Object.entries(of.settings);

function outcomes(counts, all) {
  return Object.entries(counts).filter(([name, many]) => many > 0 || name === "admitted" || name === "completed")
    .sort((one, other) => other[1] - one[1])
    .map(([name, many]) => [OUTCOMES[name] ?? name, all ? `${count(many)} (${percent(many / all)})` : count(many)]);
}
