// Acknowledge and silence. The browser's own dialog keeps the focus inside and gives it back; Escape closes.
import { ask, query } from "./api.js";
import { el, name, say, words } from "./dom.js";

function dialog(title, content, submitText, submit) {
  const trouble = el("p", { class: "trouble", role: "alert" });
  const button = el("button", { class: "primary" }, submitText);
  const id = `dialog-${Date.now()}`;
  const box = el("dialog", { "aria-labelledby": id },
    el("form", {
      method: "dialog",
      onsubmit: async (event) => {
        event.preventDefault();
        button.disabled = true;
        trouble.textContent = "";
        try {
          await submit();
          box.close();
        } catch (error) {
          trouble.textContent = `${error.message} ${error.advice ?? ""}`;
        }
        button.disabled = false;
      },
    },
    el("h2", { id }, title), content, trouble,
    el("p", { class: "row end" }, el("button", { type: "button", onclick: () => box.close() }, "Cancel"), button)));
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
  return box;
}

const about = (alert) => el("p", {}, el("code", {}, alert.rule), " on ", name(alert.about ?? alert.run ?? alert.subject));

export function acknowledge(alert, done) {
  const comment = el("input", { id: "ack-comment", maxlength: 500, autocomplete: "off" });
  dialog("Acknowledge", [
    about(alert),
    el("p", { class: "quiet" }, "Somebody has seen it and deals with it: no reminders from now on."),
    el("label", { for: "ack-comment" }, "What is being done (optional)"), comment,
  ], "Acknowledge", async () => {
    await ask(`v1/alerts/${encodeURIComponent(alert.id)}/ack`, { method: "POST", body: { comment: comment.value } });
    say("Acknowledged");
    done();
  });
  comment.focus();
}

export async function unacknowledge(alert, done) {
  await ask(`v1/alerts/${encodeURIComponent(alert.id)}/ack`, { method: "DELETE" });
  say("No longer acknowledged");
  done();
}

const choice = (id, options) => el("select", { id }, options.map(([value, text]) => el("option", { value }, text)));

export function silence(alert, done) {
  // Globs are part of matchers; a name with * or ? in it matches itself all the same.
  const onRun = alert.about ? [["run", "This rule on this run"], ["all-run", "Everything about this run"]] : [];
  const what = choice("silence-what", [["alert", "Only this alert"], ...onRun, ["rule", "This rule everywhere"]]);
  const how = choice("silence-for", [["30m", "30 minutes"], ["2h", "2 hours"], ["8h", "8 hours"], ["1d", "1 day"], ["3d", "3 days"], ["7d", "7 days"]]);
  how.value = "2h";
  const comment = el("input", { id: "silence-comment", maxlength: 500, required: true, autocomplete: "off" });
  const effect = el("p", { role: "status", class: "quiet" }, "…");
  const matchers = () => ({
    alert: [`alert=${alert.id}`],
    run: [`rule=${alert.rule}`, `run=${alert.about}`],
    "all-run": [`run=${alert.about}`],
    rule: [`rule=${alert.rule}`],
  })[what.value];
  const preview = async () => {
    try {
      const answer = await ask(`v1/silences${query({ preview: 1, limit: 5 })}`,
        { method: "POST", body: { matchers: matchers(), duration: how.value } });
      effect.textContent = `Mutes ${answer.total} of the alerts that are there now, and those to come.`;
    } catch (error) {
      effect.textContent = error.message;
    }
  };
  what.addEventListener("change", preview);
  dialog("Silence", [
    about(alert),
    el("label", { for: "silence-what" }, "What"), what,
    el("label", { for: "silence-for" }, "For"), how,
    el("label", { for: "silence-comment" }, "Why"), comment, effect,
  ], "Silence", async () => {
    await ask("v1/silences", { method: "POST", body: { matchers: matchers(), duration: how.value, comment: comment.value } });
    say("Silenced");
    done();
  });
  preview();
}

export async function endSilence(one, done) {
  await ask(`v1/silences/${encodeURIComponent(one.id)}`, { method: "DELETE" });
  say("The silence has ended");
  done();
}

export const matcherWords = (silence) => words(silence.matchers.join("  "));
