// All clients together.

import { count, rate } from "../../parts/number.js";
import { figures } from "../../parts/shapes.js";
import { together } from "./chosen.js";

const SUMS = [
  ["requests", "Requests/s"], ["tokens", "Tokens/s"], ["refused", "Refused/s"],
  ["flight", "In flight"], ["active", "Active clients"], ["denied", "Refused clients"],
];

export function totals() {
  const sums = figures("All clients together", SUMS);
  return {
    node: sums.node,
    show(clients, now) {
      const all = together([...clients.values()].map((client) => ({ client })), now);
      for (const [name, text] of SUMS) {
        sums.show(name, (text.endsWith("/s") ? rate : count)(all[name]), /refused|denied/.test(name) && all[name] > 0);
      }
    },
  };
}
