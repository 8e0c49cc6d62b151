// What somebody else writes while a form is open.

import { whenWritten } from "../../live/written.js";
import { save } from "./saving.js";
import { thing } from "./writes.js";

/** Looks at the thing whenever it may be another one. What comes back looks where that was put off for the form's work. */
export function watch(form) {
  const { kind, name } = form;
  let due = false;

  async function look() {
    due = form.busy || (form.isRead && !form.edit);
    // Of what was deleted here nobody asks once more.
    if (due || form.discarded || name === undefined) return;
    if (!form.isRead) {
      form.read();
      return;
    }
    let theirs;
    try {
      theirs = await thing(form, name);
    } catch {
      // It is looked at again when the connection is back.
      return;
    }
    due = form.busy;
    if (due) return;
    if (!theirs) {
      said(`Somebody else deleted the ${kind.word} a moment ago.`, "bad", "Create it again …");
    } else if (theirs.etag === form.base.etag) {
      return;
    } else if (form.unsaved()) {
      said("Somebody else wrote it meanwhile. What you save is compared with that first.", "plain", "Compare now");
    } else {
      form.base = theirs;
      form.edit.start(form.inForce());
      said("Somebody else wrote it a moment ago. This is how it is now.", "plain");
    }
  }

  function said(text, state, act) {
    const acts = act ? [[act, () => form.busyWith(save)]] : [];
    form.tell(text, state, { quietly: true, acts });
  }

  whenWritten((object) => object === `${kind.word}/${name}`, look, form.signal);
  return () => { if (due) look(); };
}
