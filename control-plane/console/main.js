// The console: a frame, one screen in it, and the stream that both are fed by.

import { start } from "./live/feed.js";
import { route } from "./shell/router.js";
import { shell } from "./shell/shell.js";

shell(document.getElementById("top"));
start();
route(document.getElementById("screen"));
