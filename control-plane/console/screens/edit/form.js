// One client, limit or model: read, changed, saved, deleted.

import { tokenChanged } from "../../api/token.js";
import { address } from "../../base/address.js";
import { ended } from "../../base/while.js";
import { announce } from "../../parts/announce.js";
import { el, set } from "../../parts/element.js";
import { guard } from "../../parts/leaving.js";
import { button, link } from "../../parts/shapes.js";
import { empty, failed, loading } from "../../parts/states.js";
import { editor } from "./editor.js";
import { sentence } from "./errors.js";
import { frame } from "./frame.js";
import { keep, take } from "./memory.js";
import { watch } from "./others.js";
import { askAndRemove, save, undo } from "./saving.js";
import { managedByFile, thing } from "./writes.js";

/** What the token in use may not do, once a write was refused. */
let refusedScope;
tokenChanged.listen(() => { refusedScope = undefined; });

/** What is said of a call that failed before anything was written. */
const unwritten = ({ status, message }) =>
  (status === 0 ? "Nothing was written: the control plane could not be reached." : sentence(message));

/** `name` is absent of what is new, which may be `suggested` one. */
export function openForm(root, { kind, name, suggested, signal }) {
  const slot = `${kind.plural}/${name ?? ""}`;
  const deletion = button(`Delete ${kind.word} …`, () => form.busyWith(askAndRemove), { class: "danger" });
  const saving = el("button.main", "Save …");
  const reset = button("Discard changes", () => { form.edit.start(fresh()); announce("Changes are discarded."); });
  const around = frame(root, kind, name, deletion);
  const fresh = () => ({ ...form.inForce(), name: suggested });

  const form = {
    kind, name, signal, base: undefined, edit: undefined, busy: false, isRead: false, tell: around.tell,
    bad: (text) => around.tell(text, "bad"),
    inForce: () => kind.values(form.base?.config ?? kind.fresh),
    unsaved: () => !form.discarded && (form.edit?.isChanged() ?? false),

    async busyWith(act) {
      if (form.busy) return;
      form.busy = true;
      set(saving, "aria-busy", "true");
      try {
        await act(form);
      } catch (error) {
        if (!signal.aborted) form.bad(unwritten(error));
      }
      form.busy = false;
      set(saving, "aria-busy", null);
      if (!signal.aborted) lookIfDue();
    },

    async read() {
      form.isRead = true;
      around.show(loading(`the ${kind.word}`));
      let instead;
      try {
        if (name !== undefined) form.base = await thing(form, name);
        if (name !== undefined && !form.base) instead = missing();
      } catch (error) {
        instead = failed(error, form.read);
      }
      if (signal.aborted) return;
      if (instead) {
        form.isRead = false;
        around.show(instead);
        return;
      }
      build();
      lookIfDue();
      // Who cannot be asked is told by the first write.
      if (form.base) managedByFile(form).then(lockedByFile, () => {});
    },

    /** It is in force as `base` says; `back` is what undoes it. */
    saved(text, back, quietly) {
      form.edit.known.forget();
      form.edit.changed();
      form.tell(text, "well", { acts: back ? [["Undo", () => form.busyWith(() => undo(form, back))]] : [], quietly });
    },

    /** It is shown, and not written: of what a file owns nothing can be changed here, either. */
    locked(text, { byFile, isAnswer } = {}) {
      around.lock(sentence(text), isAnswer);
      saving.disabled = deletion.disabled = true;
      reset.hidden = byFile;
      form.edit.lock(byFile);
    },

    refused(message, done) {
      refusedScope = `Saving takes another token. ${sentence(message)}`;
      form.locked(`Nothing was ${done}. ${refusedScope}`, { isAnswer: true });
    },

    /** Goes to another address in place of this one, where `told` is said. */
    leave(to, place, told) {
      form.discarded = true;
      keep(`notice ${place}`, told);
      location.replace(address(to));
    },
  };

  function build() {
    const draft = take(`draft ${slot}`);
    if (draft) form.base = draft.base;
    form.edit = editor(kind, name, {
      base: () => form.base, submit: () => form.busyWith(save), actions: [saving, reset],
      more: name !== undefined && kind.standing?.(name, signal),
    });
    form.edit.start(fresh());
    if (draft) form.edit.show(draft.values);
    around.show(form.edit.node);
    if (refusedScope) form.locked(refusedScope);
    const told = take(`notice ${slot}`);
    if (told) form.saved(told.text, told.back);
    else if (draft) form.tell("What you changed is still here, and not saved yet.", "plain", { quietly: true });
  }

  const lockedByFile = (text) => text && !signal.aborted && form.locked(text, { byFile: true });
  const missing = () => empty(`No ${kind.word} of this name is configured.`,
    link("Configure it", ["edit", `new-${kind.word}`], { name }));

  guard({ unsaved: form.unsaved, discard: () => { form.discarded = true; }, signal });
  const lookIfDue = watch(form);
  ended(signal, () => {
    // Another token opens the screen anew, and is no reason to lose anything.
    if (form.unsaved()) keep(`draft ${slot}`, { base: form.base, values: form.edit.values() });
    form.edit?.stop();
  });
  form.read();
}
