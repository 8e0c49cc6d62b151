// What can be configured, by the part of an address that names it.

import { client } from "./client.js";
import { limit } from "./limit.js";
import { model } from "./model.js";

export const KINDS = { clients: client, limits: limit, models: model };
