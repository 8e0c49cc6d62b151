// What somebody else writes while a form is open.

import { whenWritten } from "../../live/written.js";
import { compare } from "./saving.js";

/** Looks at the thing whenever it may be another one. What comes back looks where that was put off while the form wrote. */
export function watch(form) {
  const { kind, name } = form;
  let due = false;

  async function look() {
    due = form.busy;
    // Of what was deleted here nobody asks once more.
    if (form.busy || form.discarded || name === undefined) return;
    if (!form.isRead) {
      form.read();
      return;
    }
    if (!form.edit) return;
    let theirs;
    try {
      theirs = await form.thing();
    } catch (error) {
      if (error.status === 404) said(`Somebody else deleted the ${kind.word} a moment ago.`, "bad", "Create it again …");
      return;
    }
    if (form.busy || theirs.etag === form.base.etag) return;
    if (form.unsaved()) {
      said("Somebody else wrote it meanwhile. What you save is compared with that first.", "plain", "Compare now");
    } else {
      form.base = theirs;
      form.edit.start(form.inForce());
      said("Somebody else wrote it a moment ago. This is how it is now.", "plain");
    }
  }

  function said(text, state, act) {
    const acts = act ? [[act, () => form.busyWith(() => compare(form, form.edit.values()))]] : [];
    form.tell(text, state, { quietly: true, acts });
  }

  whenWritten((object) => object === `${kind.word}/${name}`, look, form.signal);
  return () => { if (due) look(); };
}
