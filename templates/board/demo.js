// The demo's page. It asks for the state once a second and redraws what has changed. Whatever people wrote is put in as
// text, never as markup.

const EVERY = 1000; // ms between two looks

const STANDS = {
  ok: "✓ OK", help: "+ needs help", risk: "! PATIENT RISK", silent: "… no answer", told: "→ told in person",
};
const NEEDS = { 2: "+ needs staff", 3: "+ needs forms", 4: "✓ not affected" };
const REACH = [
  ["delivered", "delivered", "good"], ["told_in_person", "told in person", "good"], ["sent", "handed over", ""],
  ["queued", "waiting", ""], ["failed", "failed", "bad"], ["unreachable", "no address", "bad"],
];
const ANSWERS = [
  ["ok", "OK", "good"], ["help", "need help", "warn"], ["risk", "PATIENT RISK", "bad"], ["unavailable", "away", ""],
  ["late", "late", ""], ["silent", "no answer", ""],
];
const COMMANDS = ["/outage status", "/outage update ", "/outage restore ", "/outage verify", "/outage close", "/checkin", "/task list", "/outage help"];
const CALLS = { completed: "ended", busy: "declined", "no-answer": "not picked up", failed: "failed", canceled: "taken back" };

const RUNGS = {
  resend: "tries another way to reach", call: "calls", landline: "rings the wall phone of", backup: "asks the backup for", superior: "tells the superior about",
  commander: "tells the commander about", visit: "asks for somebody to go to", role: "calls the next about",
};
const SAYS = {
  declared: (l) => `declared the outage, level ${l.detail.level}`,
  answered: (l) => `answered ${l.detail.digit}${l.about ? ` for ${l.about}` : ""}${l.detail.note ? `: ${l.detail.note}` : ""}`,
  accepted: (l) => `has taken ${l.about}`,
  refused: (l) => `cannot do ${l.about}`,
  done: (l) => `has done ${l.about}${l.detail.given ? `: ${l.detail.given}` : ""}`,
  climbed: (l) => `${RUNGS[l.detail.rung] || l.detail.rung} ${l.about}`,
  fell_back: (l) => `gives ${l.about} to ${l.detail.to} (${l.detail.via})`,
  fell_over: (l) => `is reached by ${l.channel} instead`,
  failed: (l) => `was not reached by ${l.channel}: ${l.detail.reason}`,
  overdue: (l) => `finds ${l.about} overdue, with ${l.detail.owner}`,
  help_called: (l) => `asks ${l.detail.to} for ${l.detail.need} for ${l.detail.unit} (${l.about})`,
  patient_risk: (l) => `reported PATIENT RISK (${l.about})`,
  told_in_person: (l) => `told ${l.about} in person`,
  digest: (l) => `sends ${l.about} a digest: ${l.detail.of.join(", ")}`,
  updated: (l) => `wrote to all: ${l.detail.text}`,
  corrected: (l) => `corrected: ${l.detail.text}`,
  held: () => "keeps the promise: a holding update goes out",
  reminded: (l) => `reminds ${l.detail.to} of the promised update`,
  command: (l) => `hands command to ${l.detail.to}`,
  services_back: (l) => `says that this is back: ${l.detail.services.join(", ")}`,
  pin_set: () => "has a PIN now",
  channel: (l) => `finds ${l.channel} ${l.detail.state}`,
};

const $ = (id) => document.getElementById(id);
const phones = new Map(); // number → the parts of its card
let outage = null;

function make(tag, given = {}, ...inside) {
  const { dataset, ...rest } = given;
  const node = Object.assign(document.createElement(tag), rest);
  Object.assign(node.dataset, dataset || {});
  node.append(...inside);
  return node;
}

/** Redraws only what has changed, and leaves the focus on the same button. */
function put(node, data, draw) {
  const now = JSON.stringify(data);
  if (node.dataset.drawn === now) return false;
  node.dataset.drawn = now;
  const key = node.contains(document.activeElement) && document.activeElement.dataset.key;
  node.replaceChildren(...draw(data));
  if (key) node.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
  return true;
}

function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

async function post(path, body = {}) {
  const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const told = await answer.json().catch(() => ({}));
  complain(answer.ok ? (told.status ?? 200) : answer.status, told);
  await look();
  return told;
}

/** A number as status is what Muster answered to the provider; the state of a call is a word. */
function complain(status, told) {
  const well = typeof status === "string" || (status >= 200 && status < 300);
  const problem = well ? "" : typeof told.detail === "string" ? told.detail : `That did not work (${status}). The terminal says why.`;
  $("refused").hidden = !problem;
  say($("refused"), problem);
}

async function look() {
  const state = await (await fetch(`/demo/state?user=${encodeURIComponent($("manager").value)}`)).json();
  say($("hospital"), `demo · ${state.hospital}`);
  say($("clock"), state.now);
  const fast = state.speed === 1 ? "One minute here is a minute." : `One minute here is ${plain(60 / state.speed)} seconds.`;
  say($("pace"), state.slow ? "A phone of yours is in a call: time runs slower meanwhile." : fast);
  put($("trouble"), state.engine.says, (sentences) => sentences.map((sentence) => make("li", {}, sentence)));
  showOutage(state);
  showPhones(state.phones);
  showSlack(state);
  put($("journal"), state.journal, (lines) => lines.map(journalLine));
}

function showOutage(state) {
  outage = state.outage;
  const busy = $("declare").disabled;
  $("declare").hidden = !state.can_declare && !busy;
  $("figures").hidden = !outage;
  if (!outage) {
    put($("state"), "calm", () => [make("p", {}, "All is well at ten past four. Then the platform fails.")]);
    return;
  }
  const units = outage.units;
  put($("state"), [outage, units].map((part) => part.state || part), () => [
    make("p", {}, make("strong", {}, `${outage.code}: ${outage.state}, level ${outage.level}`)),
    make("p", {}, services(outage)),
    make("p", {}, `Units: ${units.ok + units.told} fine, ${units.help} need help, ${units.risk} patient risk, ${units.silent} silent`),
    make("p", {}, `${outage.detail.commander || "Nobody"} commands. ${next(outage)}`),
  ]);
  showUnits(outage.detail.units, state.unit_names);
  say($("people"), `${outage.reach.people} people told`);
  say($("asked"), `of ${outage.checkin.asked} people asked`);
  bars($("reach"), REACH, outage.reach, outage.reach.people);
  bars($("checkin"), ANSWERS, outage.checkin, outage.checkin.asked);
  showTasks(outage);
}

function services(outage) {
  return Object.entries(outage.service_states).map(([name, stands]) => `${name.replaceAll("_", " ")} ${stands}`).join(" · ");
}

function next(outage) {
  return ["closed", "voided"].includes(outage.state) || !outage.next_update_at ? "" : `Next update promised for ${outage.next_update_at.slice(11, 16)}.`;
}

/** Tiles stay where they are, so that a screen reader says only what is new. */
function showUnits(rows, names) {
  for (const row of rows) {
    let tile = $(`unit-${row.unit}`);
    if (!tile) {
      tile = make("li", { id: `unit-${row.unit}` },
        make("div", { className: "row" }, make("strong", {}, row.unit), make("span", { className: "says" })),
        make("span", { className: "who" }));
      $("units").append(tile);
    }
    tile.className = `unit ${row.standing}`;
    tile.title = names[row.unit] || "";
    say(tile.querySelector(".says"), (["ok", "help"].includes(row.standing) && NEEDS[row.digit]) || STANDS[row.standing]);
    say(tile.querySelector(".who"), row.visit && row.standing === "silent" ? "somebody is asked to go there" : row.asked || "nobody in charge");
  }
  for (const tile of [...$("units").children]) if (!rows.some((row) => tile.id === `unit-${row.unit}`)) tile.remove();
}

function bars(list, kinds, counts, all) {
  for (const [name, label, tone] of kinds) {
    let row = list.querySelector(`[data-name="${name}"]`);
    if (!row) {
      row = make("li", { className: tone, dataset: { name } }, make("span", {}, label),
        make("span", { className: "track" }, make("span", { className: "fill" })), make("span", { className: "count" }));
      list.append(row);
    }
    row.querySelector(".fill").style.width = `${all ? (100 * counts[name]) / all : 0}%`;
    say(row.querySelector(".count"), String(counts[name]));
  }
}

function showTasks(outage) {
  const counts = outage.tasks;
  const known = [["done", counts.done], ["under way", counts.accepted + counts.in_progress], ["offered", counts.offered],
    ["blocked", counts.blocked], ["waiting for their time", counts.waiting], ["overdue", counts.overdue]];
  say($("tasks"), known.map(([name, count]) => `${count} ${name}`).join(" · "));
  const late = outage.detail.tasks.filter((task) => task.late);
  const some = late.slice(0, 6).map((task) => [task.code, task.text, task.owner || "nobody"]);
  put($("late"), [some, late.length], () => [
    ...some.map(([code, text, owner]) => make("li", {}, make("strong", {}, `LATE ${code} `), `${text} (${owner})`)),
    ...(late.length > some.length ? [make("li", {}, `and ${late.length - some.length} more are late`)] : []),
  ]);
  const { unreached, unreached_more: more } = outage.detail;
  put($("unreached"), [unreached, more], () => [
    ...unreached.map((row) => make("li", {}, `${row.name}, ${row.unit}: ${row.reason || "nothing got through"}`)),
    ...(more || !unreached.length ? [make("li", {}, more ? `and ${more} more` : "Nobody")] : []),
  ]);
}

function showPhones(shown) {
  for (const phone of shown) {
    if (!phones.has(phone.number)) phones.set(phone.number, newPhone(phone));
    const card = phones.get(phone.number);
    if (!card.article.isConnected) $("phones").append(card.article);
    const talk = phone.call;
    card.call.hidden = !talk;
    card.call.className = `call ${talk?.status === "in-progress" ? "talking" : ""}`;
    put(card.call, talk, () => (talk ? call(phone, talk) : []));
    const thread = phone.thread.filter((thing) => !talk || thing.sid !== talk.sid);
    if (put(card.thread, thread, () => bubbles(phone, thread))) card.thread.scrollTop = card.thread.scrollHeight;
  }
  for (const [number, card] of phones) if (!shown.some((phone) => phone.number === number)) card.article.remove();
}

function newPhone(phone) {
  const box = make("input", { id: `text-${phone.number}`, autocomplete: "off", maxLength: 300, placeholder: "Write a text" });
  const form = make("form", { className: "say" },
    make("label", { className: "hidden-label", htmlFor: box.id }, `Text from ${phone.name}`), box, make("button", { type: "submit" }, "Text"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const body = box.value.trim();
    box.value = "";
    if (body) texts(phone.number, body);
  });
  const callBox = make("div", { className: "call", role: "alert", hidden: true });
  const thread = make("ol", { className: "thread", tabIndex: 0 });
  thread.setAttribute("role", "log");
  thread.setAttribute("aria-label", `Texts and calls of ${phone.name}`);
  const article = make("article", { className: "phone" },
    make("header", {}, make("span", {}, make("strong", {}, phone.name), `, ${phone.part}`), make("span", { className: "number" }, phone.number)),
    callBox, thread, form);
  article.setAttribute("aria-label", `Phone of ${phone.name}, ${phone.part}`);
  return { article, call: callBox, thread };
}

function texts(number, body) {
  return post(`/demo/phones/${encodeURIComponent(number)}/text`, { body });
}

function call(phone, talk) {
  const does = (verb, body) => () => post(`/demo/phones/${encodeURIComponent(phone.number)}/${verb}`, body);
  const button = (key, label, act) => make("button", { type: "button", onclick: act, dataset: { key: `${phone.number} ${key}` } }, label);
  if (talk.status !== "in-progress") {
    const buttons = make("div", { className: "keys" }, button("answer", "Answer", does("answer")), button("hangup", "Decline", does("hangup")));
    return [make("p", {}, make("strong", {}, "☎ The phone rings"), `, ${talk.at}`), buttons];
  }
  const keys = talk.keys.map(([digit, means]) => button(`press ${digit}`, `${digit} ${means}`, does("press", { digits: digit })));
  return [
    make("p", {}, make("strong", {}, "☎ You hear: "), talk.heard.at(-1) || "…"),
    make("div", { className: "keys" }, ...keys, button("hangup", "Hang up", does("hangup"))),
  ];
}

/** The newest two texts that ask something carry the buttons for it. */
function bubbles(phone, thread) {
  if (!thread.length) return [make("li", { className: "bubble note" }, "Nothing yet")];
  const asking = thread.filter((thing) => thing.replies?.length).slice(-2);
  return thread.map((thing) => {
    if (thing.kind === "call") return make("li", { className: "bubble note" }, callNote(thing));
    const bubble = make("li", { className: `bubble ${thing.mine ? "mine" : ""}` }, make("span", { className: "at" }, thing.at), thing.body);
    if (asking.includes(thing)) bubble.append(make("div", { className: "keys" }, ...thing.replies.map((reply) => replyButton(phone, reply))));
    return bubble;
  });
}

function replyButton(phone, [words, means]) {
  const label = means ? `${words} ${means}` : words;
  const given = { type: "button", className: words === "9" ? "danger" : "", dataset: { key: `${phone.number} ${words}` } };
  return make("button", { ...given, onclick: () => texts(phone.number, words) }, label);
}

function callNote(thing) {
  const pressed = thing.pressed.length ? `, you pressed ${thing.pressed.join(", ")}` : "";
  const said = thing.heard.length > 1 ? `: “${thing.heard.at(-1)}”` : "";
  return `☎ ${thing.at} call ${CALLS[thing.status] || thing.status}${pressed}${said}`;
}

function showSlack(state) {
  put($("manager"), state.managers, (all) => all.map((one) => make("option", { value: one.id }, `${one.name}, ${one.part}`)));
  if (put($("answers"), [state.console, typed], () => answers(state.console))) $("answers").scrollTop = $("answers").scrollHeight;
  if (put($("channel"), state.channel, (posts) => posts.map(slackPost))) $("channel").scrollTop = $("channel").scrollHeight;
}

let typed = []; // what was sent from the console: [user, when, line]

function answers(posts) {
  const mine = typed.filter(([user]) => user === $("manager").value);
  const rows = posts.map((one) => [Number(one.ts), slackPost(one)]);
  rows.push(...mine.map(([, when, line]) => [when, make("li", { className: "mine" }, line)]));
  return rows.sort(([one], [other]) => one - other).map(([, row]) => row);
}

function slackPost(one) {
  const row = make("li", {}, make("span", { className: "at" }, one.at), ...marked(one.text));
  const click = (each) => () => post("/demo/slack/click", { user: $("manager").value, channel: one.channel, ts: one.ts, action: each.action, value: each.value });
  const buttons = one.buttons.map((each) => make("button", {
    type: "button", className: each.danger ? "danger" : "", onclick: click(each), dataset: { key: `${one.ts} ${each.action}` },
  }, each.label));
  if (buttons.length) row.append(make("div", { className: "keys" }, ...buttons));
  return row;
}

/** Slack's *bold*, _slanted_ and `code`; everything else is text. */
function marked(text) {
  const whole = text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
  return whole.split(/(\*[^*\n]+\*|`[^`\n]+`)/).map((part) => {
    if (/^\*[^*]+\*$/.test(part)) return make("strong", {}, part.slice(1, -1));
    return /^`[^`]+`$/.test(part) ? make("code", {}, part.slice(1, -1)) : part;
  });
}

function journalLine(line) {
  const who = line.who === "muster" ? "Muster" : line.who.replace("#unit:", "phone of ");
  const said = SAYS[line.what]?.(line) ?? otherwise(line);
  const by = line.channel && !["failed", "fell_over", "channel"].includes(line.what) ? ` · ${line.channel}` : "";
  return make("li", {}, make("span", { className: "at" }, line.at), make("span", {}, make("strong", {}, who), ` ${said}${by}`));
}

function otherwise(line) {
  const rest = Object.values(line.detail).filter((value) => value !== "" && value !== null && value !== false);
  return [line.what.replaceAll("_", " "), line.about, ...rest.map(String)].filter(Boolean).join(" ");
}

function plain(number) {
  return Number.isInteger(number) ? String(number) : number.toFixed(1);
}

$("declare").addEventListener("click", async () => {
  $("declare").disabled = true;
  $("try").open = false;
  await post("/demo/declare").finally(() => { $("declare").disabled = false; });
  await look();
});

$("console").addEventListener("submit", async (event) => {
  event.preventDefault();
  const line = $("line").value.trim();
  if (!line) return;
  const user = $("manager").value;
  $("line").value = "";
  const said = await post("/demo/slack", { user, line });
  if (said.asked) typed = [...typed, [user, said.asked, line]].slice(-12);
  await look();
});

$("manager").addEventListener("change", look);
$("chips").append(...COMMANDS.map((words) => make("button", {
  type: "button", onclick: () => { $("line").value = words; $("line").focus(); },
}, words.trim())));

async function watch() {
  try {
    await look();
    $("gone").hidden = true;
  } catch {
    $("gone").hidden = false;
  }
  setTimeout(watch, EVERY);
}

watch();
