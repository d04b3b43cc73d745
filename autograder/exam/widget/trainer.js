// Draws the screen that Python sends and sends back what was pressed. It keeps no state of the exam: whatever
// it knows stands in `screen`, and a reload of the page shows the same screen again.

const TICK_EVERY_S = 10; // so often Python hears in a mock exam that somebody is there
const SOON_S = 2; // without an answer of Python for so long: say that it is awaited
const LOST_S = 10; // … and for so long: say what to do
const LATE_S = 300; // from here on the time left is marked
const SPOKEN_S = [600, 300, 60]; // time left that a screen reader is told
const FLAGGED = 2; // bits of a mark in the grid of questions
const ANSWERED = 1;

const RERUN =
  "すぐ上のセルをクリックして、Shift + Enter でもう一度動かしてください。続きから始まります。" +
  "答えは1問ごとに保存してあるので、なくなりません。";
const DISCONNECTED = `Python（カーネル）が止まったか、再起動されました。${RERUN}`;
const UNANSWERED =
  "Pythonからの返事がありません。ほかのセルを動かしているときは、終わるまで待ってください。" +
  `待っても変わらないときは、Python（カーネル）が止まっています。メニューの「カーネル」から再起動して、${RERUN}`;

const GONE = ["restarting", "autorestarting", "terminating", "dead"]; // what Lab says of a kernel
const SHORTCUTS = { n: "next", p: "previous", f: "flag", escape: "keep_on" }; // key → button
const KEYS = [..."abcd1234", ...Object.keys(SHORTCUTS)];

let nextId = 0;

/** An element. Properties beginning with "on" are listeners, `null`, `false` and `undefined` are left out. */
function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, set] of Object.entries(value)) element.style.setProperty(key, set);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...shown(children));
  return element;
}

/** Children that are to be shown, in one list. */
function shown(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false && child !== "");
}

/** A question's stem: the only HTML that Python sends (made by markdown-it without raw HTML). */
function stem(html) {
  const element = h("div", { class: "tk-stem" });
  element.innerHTML = html;
  for (const table of element.querySelectorAll("table")) {
    const frame = h("div", { class: "tk-table" });
    table.replaceWith(frame);
    frame.append(table);
  }
  return element;
}

function clockText(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

class Desk {
  constructor(model, el) {
    this.model = model;
    this.el = el;
    this.waiting = null; // {call, since}: the last command that was not answered yet
    this.keys = []; // pressed while an answer of Python was awaited: they mean the screen that is to come
    this.disconnected = false;
    this.spoken = new Set();
    this.format = null; // of a mock exam, as chosen on the first screen

    this.title = h("span", { class: "tk-brand" }, "試験対策トレーナー");
    this.note = h("span", { class: "tk-unofficial" }, "JDLA非公式");
    this.lost = h("div", { class: "tk-lost", role: "alert", hidden: true });
    this.soon = h("span", { class: "tk-soon", role: "status" });
    this.speech = h("div", { class: "tk-hidden", "aria-live": "polite" });
    this.main = h("div", { class: "tk-main" });
    this.root = h(
      "section",
      { class: "tk", "aria-label": "試験対策トレーナー", lang: "ja" },
      h("header", { class: "tk-head" }, this.title, this.note, this.soon),
      this.lost,
      this.speech,
      this.main,
    );
    el.append(this.root);

    this.onScreen = () => this.receive();
    this.onStatus = (_, status) => GONE.includes(status) && this.lose();
    this.kernel = model.widget_manager?.kernel; // Lab's; elsewhere only the silence tells
    this.onKey = (event) => this.key(event);
    this.onVisible = () => this.look(document.visibilityState === "visible");
    model.on("change:screen", this.onScreen);
    this.kernel?.statusChanged?.connect(this.onStatus);
    this.root.addEventListener("keydown", this.onKey);
    document.addEventListener("visibilitychange", this.onVisible);
    this.timer = setInterval(() => this.second(), 1000);
    this.receive();
    this.send("tick"); // what is on the screen may be old: bring clock and figures up to now
  }

  close() {
    clearInterval(this.timer);
    this.model.off("change:screen", this.onScreen);
    this.kernel?.statusChanged?.disconnect(this.onStatus);
    document.removeEventListener("visibilitychange", this.onVisible);
    this.root.remove();
  }

  // ---------------------------------------------------------------- talking with Python

  send(action, fields = {}) {
    const call = `${performance.timeOrigin}-${nextId++}`;
    this.lastSent = performance.now();
    this.waiting = { call, since: this.waiting ? this.waiting.since : performance.now() };
    try {
      Promise.resolve(this.model.send({ do: action, call, ...fields })).catch(() => this.lose());
    } catch {
      this.lose(); // the kernel is dead or gone
    }
  }

  receive() {
    const screen = this.model.get("screen");
    this.received = performance.now();
    if (this.waiting && screen.reply === this.waiting.call) this.waiting = null;
    this.disconnected = false;
    this.tellConnection();
    const { reply, clock, pace, ...still } = screen;
    const before = this.drawn;
    this.screen = screen;
    this.drawn = JSON.stringify(still);
    if (before !== this.drawn) this.draw();
    this.drawClock();
    this.pressKeys();
  }

  lose() {
    this.disconnected = true;
    this.tellConnection();
  }

  tellConnection() {
    const waited = this.waiting ? (performance.now() - this.waiting.since) / 1000 : 0;
    const text = this.disconnected ? DISCONNECTED : waited > LOST_S ? UNANSWERED : "";
    if (this.lost.textContent !== text) this.lost.textContent = text;
    this.lost.hidden = !text;
    if (text) this.keys = [];
    this.main.toggleAttribute("inert", Boolean(text));
    const soon = !text && waited > SOON_S ? "Pythonの返事を待っています…" : "";
    if (this.soon.textContent !== soon) this.soon.textContent = soon;
  }

  second() {
    this.tellConnection();
    if (this.screen.kind === "question") this.drawSeconds();
    if (this.screen.kind !== "mock" || this.disconnected) return;
    this.drawClock();
    const quiet = (performance.now() - this.lastSent) / 1000;
    if (quiet >= TICK_EVERY_S || (this.remaining() <= 0 && quiet >= 1)) this.send("tick");
  }

  /** Seconds left, by the clock of this page since Python spoke last. */
  remaining() {
    return this.screen.clock.remaining_s - (performance.now() - this.received) / 1000;
  }

  // ---------------------------------------------------------------- drawing

  draw() {
    const screen = this.screen;
    const place = `${screen.kind} ${screen.number ?? ""} ${Boolean(screen.handing_in)}`;
    const moved = this.place !== place;
    this.place = place;
    const active = this.root.getRootNode().activeElement;
    const hadFocus = active !== null && this.main.contains(active);
    const key = hadFocus ? active.dataset.key : null;
    if (moved) this.since = performance.now();

    const scrolled = this.main.querySelector(".tk-grid")?.scrollTop;
    this.heading = h("h2", { class: "tk-title", tabindex: "-1" });
    this.main.replaceChildren(
      ...shown([
        screen.notices.length > 0 && this.notices(screen.notices),
        screen.message && h("div", { class: "tk-message", role: "alert" }, lines(screen.message)),
        this[screen.kind](screen),
      ]),
    );
    this.main.dataset.kind = screen.kind;
    this.scrollGrid(scrolled);

    if (hadFocus) {
      const same = key && !moved ? this.main.querySelector(`[data-key="${key}"]`) : null;
      const target = screen.handing_in && moved ? this.main.querySelector("[data-key=keep_on]") : same;
      (target ?? this.heading).focus({ preventScroll: true });
    }
    if (moved && hadFocus) this.heading.scrollIntoView({ block: "nearest" });
  }

  notices(notices) {
    return h(
      "div",
      { class: "tk-notice" },
      notices.map((text) => h("p", {}, "お知らせ：", lines(text))),
      this.button("noted", "わかりました", () => this.send("noted")),
    );
  }

  head(text, ...more) {
    this.heading.replaceChildren(text);
    return h("div", { class: "tk-bar" }, this.heading, more);
  }

  button(key, text, onclick, properties = {}) {
    return h("button", { type: "button", "data-key": key, onclick, ...properties }, text);
  }

  home_button(text = "はじめの画面へ") {
    return this.button("home", text, () => this.send("home"));
  }

  error(screen) {
    return [
      this.head("トレーナーを開けませんでした"),
      h("div", { class: "tk-message" }, lines(screen.text)),
      h("p", {}, "直したあと、すぐ上のセルをもう一度動かしてください。"),
    ];
  }

  // ---------------------------------------------------------------- home

  home(screen) {
    return [
      this.head("はじめの画面"),
      screen.unfinished && this.unfinished(screen.unfinished, screen.pause_note),
      h("div", { class: "tk-cards" }, this.drillCard(screen), h("div", { class: "tk-column" }, this.reviewCard(screen), this.mockCard(screen))),
      this.readiness(screen.readiness),
      h(
        "p",
        { class: "tk-small" },
        `問題は全部で${screen.questions}問です。記録は、このパソコンの次のファイルだけに残ります。どこにも送りません。`,
        h("br"),
        h("code", {}, screen.path),
      ),
    ];
  }

  unfinished(one, note) {
    return h(
      "section",
      { class: "tk-card tk-strong", "aria-label": "途中の模試" },
      h("h3", {}, "途中の模試があります"),
      h("p", {}, `${one.title}（${one.started} に開始）。${one.of}問のうち${one.answered}問に答え、残り時間は ${one.left} です。`),
      h("p", { class: "tk-small" }, note),
      this.button("resume", "続きから始める", () => this.send("resume"), { class: "tk-primary" }),
    );
  }

  reviewCard(screen) {
    const { due, next } = screen.review;
    return h(
      "section",
      { class: "tk-card", "aria-label": "今日の復習" },
      h("h3", {}, "今日の復習"),
      due
        ? h("p", {}, "忘れかけたころの問題が ", h("strong", {}, `${due}問`), " あります。")
        : h("p", {}, "今日、復習する問題はありません。", next || "解いた問題が、忘れかけたころにここへ出ます。"),
      this.button("review", due > 20 ? "復習する（20問ずつ）" : "復習する", () => this.send("review"), {
        class: due ? "tk-primary" : null,
        disabled: !due,
      }),
    );
  }

  drillCard(screen) {
    const form = screen.form;
    const all = (one) => one.items.join();
    const assignment = screen.assignments.find((one) => all(one) === form.items?.join());
    const chosen = assignment ? `assignment:${assignment.name}`
      : form.items?.length ? `item:${form.items[0]}`
      : form.areas?.length ? `area:${form.areas[0]}` : "";
    const option = (value, text) => h("option", { value, selected: value === chosen }, text);
    const range = h(
      "select",
      { "data-key": "range" },
      option("", "すべての範囲"),
      screen.assignments.length > 0 &&
        h(
          "optgroup",
          { label: "課題で使う項目" },
          screen.assignments.map((one) => option(`assignment:${one.name}`, `${one.title}（${one.items.join("、")}）`)),
        ),
      screen.areas.map((area) =>
        h(
          "optgroup",
          { label: area.title },
          option(`area:${area.title}`, `${area.title}（この領域の全部）`),
          area.items.map((item) => option(`item:${item.id}`, `${item.id} ${item.title}`)),
        ),
      ),
    );
    const keyword = h("input", { type: "text", "data-key": "keyword", value: form.keyword ?? "", placeholder: "例：正則化", autocomplete: "off" });
    const weak = h("input", { type: "checkbox", "data-key": "weak", checked: form.weak });
    const unseen = h("input", { type: "checkbox", "data-key": "unseen", checked: form.unseen });
    const count = h(
      "select",
      { "data-key": "count" },
      screen.counts.map((n) => h("option", { value: n, selected: n === (form.count ?? 10) }, `${n}問`)),
    );
    const begin = (event) => {
      event.preventDefault();
      const [kind, ...name] = range.value.split(":");
      this.send("drill", {
        items: kind === "item" ? [name.join(":")] : kind === "assignment" ? screen.assignments.find((one) => one.name === name[0]).items : [],
        areas: kind === "area" ? [name.join(":")] : [],
        keyword: keyword.value,
        weak: weak.checked,
        unseen: unseen.checked,
        count: Number(count.value),
      });
    };
    return h(
      "form",
      { class: "tk-card", "aria-label": "一問一答", onsubmit: begin },
      h("h3", {}, "一問一答"),
      h("p", {}, "1問ごとに、正解と、4つの選択肢の理由を読みます。"),
      h("label", { class: "tk-field" }, "範囲", range),
      h("label", { class: "tk-field" }, "キーワード（書かなくてもよい）", keyword),
      h("label", { class: "tk-check" }, weak, "苦手な領域、まだわからない領域だけ"),
      h("label", { class: "tk-check" }, unseen, "まだ解いていない問題だけ"),
      h("label", { class: "tk-field" }, "問題の数", count),
      h("button", { type: "submit", class: "tk-primary", "data-key": "drill" }, "始める"),
    );
  }

  mockCard(screen) {
    this.format = screen.formats.some((one) => one.name === this.format) ? this.format : screen.formats[0].name;
    const name = `tk-format-${nextId++}`;
    const asking = h(
      "div",
      { class: "tk-ask", role: "alert", hidden: true },
      h("p", {}, "途中の模試は、採点しないで終わりになります。新しく始めますか。"),
      this.button("replace", "新しく始める", () => this.send("mock", { format: this.format, replace: true })),
      this.button("keep", "やめる", () => {
        asking.hidden = true;
        start.focus();
      }),
    );
    const start = this.button(
      "mock",
      "模試を始める",
      () => {
        if (!screen.unfinished) return this.send("mock", { format: this.format });
        asking.hidden = false;
        asking.querySelector("[data-key=keep]").focus();
      },
      { class: screen.unfinished ? null : "tk-primary" },
    );
    return h(
      "section",
      { class: "tk-card", "aria-label": "模試" },
      h("h3", {}, "模試"),
      h(
        "div",
        { role: "radiogroup", "aria-label": "模試の形式", class: "tk-formats" },
        screen.formats.map((one) =>
          h(
            "label",
            { class: "tk-check" },
            h("input", {
              type: "radio",
              name,
              value: one.name,
              checked: one.name === this.format,
              "data-key": `format-${one.name}`,
              onchange: () => (this.format = one.name),
            }),
            one.title,
          ),
        ),
      ),
      start,
      asking,
      h("p", { class: "tk-small" }, screen.format_note),
      h("p", { class: "tk-small" }, screen.pause_note),
      screen.mocks.length > 0 &&
        h(
          "div",
          {},
          h("h4", {}, "これまでの模試"),
          h(
            "ul",
            { class: "tk-list" },
            screen.mocks.map((one) =>
              h(
                "li",
                {},
                h("span", {}, `${one.date}　${one.title}　`, h("strong", {}, one.score)),
                this.button(`result-${one.id}`, "結果を見る", () => this.send("result", { mock: one.id }), {
                  class: "tk-link",
                  "aria-label": `${one.date} の結果を見る`,
                }),
              ),
            ),
          ),
        ),
    );
  }

  readiness(readiness) {
    const row = ({ title, estimate, text, answered, ago }) =>
      h(
        "tr",
        {},
        h("th", { scope: "row" }, title),
        h(
          "td",
          { class: "tk-barcell" },
          h(
            "div",
            { class: "tk-interval", "aria-hidden": "true" },
            h("i", { class: "tk-guess" }),
            estimate &&
              h("i", { class: "tk-range", style: { left: `${100 * estimate.low}%`, width: `${100 * (estimate.high - estimate.low)}%` } }),
            estimate && h("i", { class: "tk-mean", style: { left: `${100 * estimate.mean}%` } }),
          ),
        ),
        h("td", { class: estimate ? "tk-number" : "tk-number tk-faint" }, text),
        h("td", { class: "tk-number" }, answered),
        h("td", { class: "tk-number" }, ago),
      );
    return h(
      "section",
      { class: "tk-card", "aria-label": "領域ごとの力" },
      h("h3", {}, "いまの力（正答率の見積もり）"),
      h("p", {}, readiness.overall_text),
      h(
        "table",
        { class: "tk-areas" },
        h(
          "thead",
          {},
          h("tr", {}, ["領域", "", "見積もり（80%の区間）", "解いた数", "最後"].map((name) => (name ? h("th", { scope: "col" }, name) : h("td", {}, scale())))),
        ),
        h("tbody", {}, readiness.areas.map(row)),
      ),
      h("p", { class: "tk-small" }, "縦の線が見積もり、帯が80%の区間、点線は当てずっぽう（25%）です。"),
      readiness.stale && h("p", { class: "tk-small" }, readiness.stale),
      h("p", { class: "tk-small" }, readiness.basis),
      h("div", { class: "tk-actions" }, this.button("plots", "グラフで見る", () => this.send("plots"))),
    );
  }

  plots(screen) {
    return [
      this.head("グラフ"),
      screen.plots.map(({ src, alt }) => h("img", { class: "tk-plot", src, alt })),
      h("div", { class: "tk-actions" }, this.home_button()),
    ];
  }

  // ---------------------------------------------------------------- drill and review

  question(screen) {
    this.seconds = h("span", { class: "tk-faint" });
    this.drawSeconds();
    return [
      this.head(`問${screen.number + 1} / ${screen.of}`, h("span", { class: "tk-tag" }, screen.form), this.seconds),
      h("p", { class: "tk-small" }, screen.title),
      this.progress(screen),
      stem(screen.stem),
      h(
        "div",
        { class: "tk-choices", role: "group", "aria-label": "選択肢" },
        screen.choices.map((choice, place) =>
          h(
            "button",
            { type: "button", class: "tk-choice", "data-key": `choice-${place}`, onclick: () => this.answerWith(place) },
            h("span", { class: "tk-letter" }, choice.letter),
            h("span", {}, choice.text),
          ),
        ),
      ),
      h("div", { class: "tk-actions" }, this.home_button("やめて、はじめの画面へ")),
      h("p", { class: "tk-small" }, "選ぶと、すぐに答え合わせをします。キー：A〜D で選ぶ。"),
    ];
  }

  answerWith(place) {
    this.send("answer", { number: this.screen.number, place, seconds: this.spent() });
  }

  progress(screen) {
    const share = screen.number / screen.of;
    return h("div", { class: "tk-progress", "aria-hidden": "true" }, h("i", { style: { width: `${100 * share}%` } }));
  }

  /** A page that nobody sees does not count; the clock of a mock exam runs on. */
  look(visible) {
    if (!visible) this.hiddenAt = performance.now();
    else if (this.hiddenAt !== undefined) this.since += performance.now() - this.hiddenAt;
    if (visible && this.screen.kind === "mock") this.send("tick");
  }

  /** Seconds that the question has been in sight. */
  spent() {
    return (performance.now() - this.since) / 1000;
  }

  drawSeconds() {
    if (this.seconds) this.seconds.textContent = `${Math.floor(this.spent())}秒`;
  }

  answer(screen) {
    const last = screen.number + 1 === screen.of;
    const marked = screen.answer;
    return [
      this.head(marked.verdict, h("span", { class: "tk-faint" }, `問${screen.number + 1} / ${screen.of}　${screen.seconds}秒`)),
      h("p", { class: "tk-small" }, screen.title),
      this.progress({ ...screen, number: screen.number + 1 }),
      this.marked(marked),
      h(
        "div",
        { class: "tk-actions" },
        this.button("next", last ? "まとめへ" : "次の問題へ", () => this.send("next", { number: screen.number }), { class: "tk-primary" }),
        this.home_button("やめて、はじめの画面へ"),
      ),
      h("p", { class: "tk-small" }, "キー：N で次へ。"),
    ];
  }

  /** A question with the reasons of all four choices and the way to its pages. */
  marked(marked) {
    const sign = (choice) => (choice.right ? "○" : choice.chosen ? "×" : "");
    const said = (choice) => [choice.right && "正解", choice.chosen && "選んだ答え"].filter(Boolean).join("・");
    return [
      stem(marked.stem),
      h(
        "ol",
        { class: "tk-reasons" },
        marked.choices.map((choice) =>
          h(
            "li",
            { class: choice.right ? "tk-right" : choice.chosen ? "tk-wrong" : null },
            h("span", { class: "tk-sign", "aria-hidden": "true" }, sign(choice)),
            h("span", { class: "tk-letter" }, choice.letter),
            h(
              "div",
              {},
              h("p", { class: "tk-text" }, choice.text, said(choice) && h("span", { class: "tk-tag" }, said(choice))),
              h("p", {}, choice.why),
            ),
          ),
        ),
      ),
      marked.pages.some((page) => page.notebook) &&
        h("p", {}, "読み直すページ：", marked.pages.filter((page) => page.notebook).map((page, n) => [n ? "、" : "", this.pageLink(page)])),
      h("p", { class: "tk-small" }, marked.source && [marked.source, h("br")], marked.about),
    ];
  }

  /** A link to the notebook beside this one; in Lab it opens in a tab of its own. */
  pageLink(page) {
    const here = this.model.widget_manager?.context?.path;
    const link = h("a", { href: encodeURIComponent(page.notebook), target: "_blank", rel: "noopener" }, page.label);
    if (typeof here === "string") {
      const path = here.slice(0, here.lastIndexOf("/") + 1) + page.notebook;
      link.dataset.commandlinkerCommand = "docmanager:open";
      link.dataset.commandlinkerArgs = JSON.stringify({ path });
    }
    return link;
  }

  round(screen) {
    return [
      this.head("まとめ"),
      h("p", { class: "tk-small" }, screen.title),
      h("p", { class: "tk-big" }, screen.text),
      h(
        "div",
        { class: "tk-actions" },
        screen.again && this.button("again", "同じ範囲をもう一度", () => this.send("again"), { class: "tk-primary" }),
        this.home_button(),
      ),
      screen.misses.length > 0 && h("h3", {}, "間違えた問題"),
      this.details(screen.misses),
    ];
  }

  details(list) {
    return list.map((one) =>
      h(
        "details",
        { class: "tk-details" },
        h("summary", {}, h("strong", {}, `問${one.number + 1}`), one.flagged && " ★", "　", one.verdict.replace(/です$/, ""), "　", h("span", { class: "tk-faint" }, excerpt(one.stem))),
        this.marked(one),
      ),
    );
  }

  // ---------------------------------------------------------------- mock exams

  paused(screen) {
    return [
      this.head("模試の途中です"),
      h("p", {}, `${screen.title}（${screen.started} に開始）。${screen.of}問のうち${screen.answered}問に答えました。`),
      h("p", { class: "tk-big" }, `残り ${screen.left}　時計は止まっています`),
      h("p", { class: "tk-small" }, screen.pause_note),
      h("div", { class: "tk-actions" }, this.button("resume", "続きから始める", () => this.send("resume"), { class: "tk-primary" }), this.home_button()),
    ];
  }

  mock(screen) {
    const { number, of, question, place } = screen;
    const go = (to) => this.send("go", { number: to });
    const name = `tk-choice-${nextId++}`;
    this.clock = h("span", { class: "tk-clock", role: "timer", "aria-label": "残り時間" });
    this.pace = h("div", { class: "tk-pace" });
    return [
      h(
        "div",
        { class: "tk-meters" },
        h("div", { class: "tk-meter" }, h("span", { class: "tk-small" }, "残り時間"), this.clock),
        h("div", { class: "tk-meter tk-wide" }, h("span", { class: "tk-small" }, "ペース"), this.pace),
        h("div", { class: "tk-meter" }, h("span", { class: "tk-small" }, "答えた数"), h("span", {}, `${screen.answered} / ${of}`)),
      ),
      screen.handing_in ? this.handingIn(screen) : h(
        "div",
        { class: "tk-mock" },
        h(
          "div",
          {},
          this.head(`問${number + 1} / ${of}`, question && h("span", { class: "tk-tag" }, question.form), screen.flagged && h("span", { class: "tk-tag" }, "★ あとで見る")),
          question
            ? [
                stem(question.stem),
                h(
                  "div",
                  { class: "tk-choices", role: "radiogroup", "aria-label": "選択肢" },
                  question.choices.map((choice, at) =>
                    h(
                      "label",
                      { class: at === place ? "tk-choice tk-chosen" : "tk-choice" },
                      h("input", {
                        type: "radio",
                        name,
                        checked: at === place,
                        "data-key": `choice-${at}`,
                        onchange: () => this.choose(at),
                      }),
                      h("span", { class: "tk-letter" }, choice.letter),
                      h("span", {}, choice.text),
                    ),
                  ),
                ),
              ]
            : h("p", { class: "tk-message" }, "この問題は、教材の更新で変わったか、なくなりました。採点では数えません。次へ進んでください。"),
          h(
            "div",
            { class: "tk-actions" },
            this.button("previous", "前へ", () => go(number - 1), { disabled: number === 0 }),
            this.button("next", "次へ", () => go(number + 1), { disabled: number + 1 === of, class: "tk-primary" }),
            this.button("flag", screen.flagged ? "★ を外す" : "★ あとで見る", () => this.flag(), { "aria-pressed": String(screen.flagged) }),
            place !== null && this.button("clear", "答えを消す", () => this.choose(null)),
          ),
          h("p", { class: "tk-small" }, "キー：A〜D で選ぶ、N 次へ、P 前へ、F ★をつける・外す。"),
        ),
        h("div", { class: "tk-side" }, this.grid(screen), h(
          "div",
          { class: "tk-actions" },
          this.button("hand_in", "提出する", () => this.send("hand_in")),
          this.button("pause", "中断する", () => this.send("pause")),
        ), h("p", { class: "tk-small" }, `${screen.title}。${screen.pause_note}`)),
      ),
    ];
  }

  choose(place) {
    this.send("choose", { number: this.screen.number, place });
  }

  flag() {
    this.send("flag", { number: this.screen.number, on: !this.screen.flagged });
  }

  grid(screen) {
    const cells = screen.grid.map((mark, number) => {
      const here = number === screen.number;
      const answered = Boolean(mark & ANSWERED);
      const flagged = Boolean(mark & FLAGGED);
      const said = [`問${number + 1}`, answered ? "解答ずみ" : "未解答", flagged && "★", here && "表示中"].filter(Boolean);
      return h(
        "button",
        {
          type: "button",
          class: ["tk-cell", answered && "tk-answered", here && "tk-here"].filter(Boolean).join(" "),
          "data-key": `cell-${number}`,
          "aria-label": said.join("、"),
          "aria-current": here ? "true" : null,
          tabindex: here ? "0" : "-1",
          onclick: () => this.send("go", { number }),
        },
        number + 1,
        flagged && h("span", { class: "tk-star" }, "★"),
      );
    });
    return h(
      "div",
      {},
      h("div", { class: "tk-grid", role: "group", "aria-label": "問題の番号（矢印キーで動き、Enterで開く）", onkeydown: (event) => this.gridKey(event, cells) }, cells),
      h(
        "p",
        { class: "tk-small tk-legend" },
        h("span", { class: "tk-cell tk-answered" }, "1"), "解答ずみ",
        h("span", { class: "tk-cell" }, "2"), "未解答",
        h("span", { class: "tk-cell tk-here" }, "3"), "表示中",
        h("span", {}, "★ あとで見る"),
      ),
    );
  }

  /** Where it was, or as far as the current question can be seen; the page itself stays where it is. */
  scrollGrid(scrolled) {
    const grid = this.main.querySelector(".tk-grid");
    if (!grid) return;
    const here = grid.querySelector("[aria-current]");
    const top = here.offsetTop; // within the grid
    const bottom = top + 2 * here.offsetHeight - grid.clientHeight;
    grid.scrollTop = Math.max(bottom, Math.min(scrolled ?? 0, top - here.offsetHeight));
  }

  gridKey(event, cells) {
    const at = cells.indexOf(event.target);
    const top = cells[0].offsetTop;
    const columns = cells.findIndex((cell) => cell.offsetTop !== top);
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    if (at < 0 || step === undefined || columns < 1 && Math.abs(step) !== 1) return;
    event.preventDefault();
    event.stopPropagation();
    const target = cells[at + step];
    if (!target) return;
    cells.forEach((cell) => (cell.tabIndex = cell === target ? 0 : -1));
    target.focus();
  }

  handingIn(screen) {
    const { unanswered, flagged } = screen.handing_in;
    const jump = (text, numbers) =>
      numbers.length > 0 &&
      h(
        "div",
        {},
        h("p", {}, text),
        h("div", { class: "tk-jumps" }, numbers.map((number) => this.button(`jump-${number}`, `問${number + 1}`, () => this.send("go", { number })))),
      );
    return h(
      "div",
      { class: "tk-card tk-strong", role: "alertdialog", "aria-label": "提出の確認" },
      this.head("提出しますか"),
      jump(`まだ答えていない問題が${unanswered.length}問あります（間違いと同じに数えます）。`, unanswered),
      jump(`★をつけた問題が${flagged.length}問あります。`, flagged),
      !unanswered.length && !flagged.length && h("p", {}, "全部の問題に答えました。★をつけた問題はありません。"),
      h("p", { class: "tk-small" }, "提出すると、答えを変えられません。"),
      h("div", { class: "tk-actions" }, this.button("submit", "提出して採点する", () => this.send("submit"), { class: "tk-primary" }), this.button("keep_on", "もどる", () => this.send("keep_on"))),
    );
  }

  drawClock() {
    if (this.screen.kind !== "mock") return;
    const left = this.remaining();
    const late = left < LATE_S;
    this.clock.textContent = clockText(left) + (late ? "（あとわずか）" : "");
    this.clock.classList.toggle("tk-late", late);
    const { ahead, text, needed } = this.screen.pace;
    const shown = Math.max(-10, Math.min(10, ahead));
    const bar = h(
      "span",
      { class: "tk-balance", "aria-hidden": "true" },
      h("i", { class: shown < 0 ? "tk-behind" : "", style: { left: `${50 + Math.min(0, shown) * 5}%`, width: `${Math.abs(shown) * 5}%` } }),
    );
    this.pace.replaceChildren(h("strong", {}, text), bar, h("span", { class: "tk-small" }, `残りは${needed}`));
    const due = SPOKEN_S.find((seconds) => left <= seconds && left > seconds - 20 && !this.spoken.has(`${this.screen.id} ${seconds}`));
    if (due) {
      this.spoken.add(`${this.screen.id} ${due}`);
      this.speech.textContent = `残り時間は、あと${due / 60}分です。`;
    }
  }

  result(screen) {
    const scores = (title, list) =>
      h(
        "section",
        { class: "tk-card", "aria-label": title },
        h("h3", {}, title),
        h(
          "table",
          { class: "tk-areas tk-scores" },
          h("tbody", {}, list.map((score) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, score.name),
              h("td", { class: "tk-barcell" }, h("div", { class: "tk-score", "aria-hidden": "true" }, h("i", { style: { width: `${100 * score.share}%` } }))),
              h("td", { class: "tk-number" }, score.text),
            ),
          )),
        ),
      );
    return [
      this.head("模試の結果", h("span", { class: "tk-faint" }, `${screen.title}　${screen.date}`)),
      screen.timed_out && h("p", { class: "tk-message" }, "時間になったので、自動で提出しました。"),
      h("p", { class: "tk-big", "data-key": "total" }, screen.total.text),
      h("p", {}, `未解答 ${screen.unanswered}問。時間 ${screen.time}。`),
      screen.void.length > 0 &&
        h("p", { class: "tk-message" }, `教材の更新で変わった問題が${screen.void.length}問あり、数えていません（問${screen.void.join("、問")}）。`),
      h("p", { class: "tk-small" }, screen.note),
      h("div", { class: "tk-actions" }, this.button("plots", "時間の使い方をグラフで見る", () => this.send("plots")), this.home_button()),
      scores("領域ごとの点", screen.areas),
      scores("形式ごとの点", screen.forms),
      h("h3", {}, screen.misses.length ? `間違えた問題（${screen.misses.length}問）` : "間違えた問題はありません"),
      this.details(screen.misses),
      screen.unsure.length > 0 && h("h3", {}, `★をつけて、正解した問題（${screen.unsure.length}問）`),
      this.details(screen.unsure),
    ];
  }

  // ---------------------------------------------------------------- keys

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return; // Ctrl+S is Lab's
    event.stopPropagation(); // but from here a, b, x or d d must not make and delete cells
    if (event.isComposing || event.repeat) return;
    if (event.target.matches("select, input[type=text]") || this.main.inert) return;
    const key = event.key.toLowerCase();
    if (!["question", "answer", "mock"].includes(this.screen.kind) || !KEYS.includes(key)) return;
    event.preventDefault();
    if (this.keys.length < KEYS.length) this.keys.push(key);
    this.pressKeys();
  }

  pressKeys() {
    while (this.keys.length && !this.waiting) {
      const key = this.keys.shift();
      const place = Math.max("abcd".indexOf(key), "1234".indexOf(key));
      if (place >= 0 && this.screen.kind === "question") this.answerWith(place);
      else if (place >= 0 && this.screen.kind === "mock") this.screen.question && !this.screen.handing_in && this.choose(place);
      else if (SHORTCUTS[key]) this.main.querySelector(`[data-key="${SHORTCUTS[key]}"]`)?.click();
    }
  }
}

/** The scale above the bars of the areas. */
function scale() {
  return h("div", { class: "tk-scale", "aria-hidden": "true" }, [0, 50, 100].map((n) => h("span", {}, `${n}%`)));
}

/** Text with its line ends. */
function lines(text) {
  return text.split("\n").flatMap((line, n) => (n ? [h("br"), line] : [line]));
}

/** The beginning of a stem. */
function excerpt(html) {
  const text = new DOMParser().parseFromString(html, "text/html").body.textContent.replace(/\s+/g, " ").trim();
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

export default {
  render({ model, el }) {
    const desk = new Desk(model, el);
    return () => desk.close();
  },
};
