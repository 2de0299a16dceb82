// The chart of a report. Everything shown is text of a hostile guest: it gets
// into the page by textContent alone, and only rows that are seen are there.
"use strict";
(() => {
  const began = performance.now();
  const data = JSON.parse(document.getElementById("data").textContent);
  const { texts, rows, messages, commands, steps } = data;
  const ROW = 20;
  const GUEST = 0, DEVICE = 1, PLATFORM = 2;
  const LANES = ["guest", "device", "platform"];

  // What a kind is drawn as: from one lane to another, or at one; and its class.
  const KINDS = {
    "request": [PLATFORM, PLATFORM, "message"],
    "reply": [PLATFORM, PLATFORM, "message"],
    "unasked": [PLATFORM, PLATFORM, "message"],
    "rejected": [PLATFORM, PLATFORM, "trouble"],
    "stale": [PLATFORM, PLATFORM, "note"],
    "ignored": [PLATFORM, PLATFORM, "message"],
    "conduct": [GUEST, GUEST, "trouble"],
    "failed": [PLATFORM, PLATFORM, "trouble"],
    "error": [PLATFORM, PLATFORM, "trouble"],
    "lost": [PLATFORM, PLATFORM, "trouble"],
    "doorbell": [GUEST, DEVICE, "step"],
    "complete": [DEVICE, DEVICE, "step"],
    "failure": [DEVICE, DEVICE, "trouble"],
    "interrupt": [DEVICE, GUEST, "step"],
    "acknowledge": [GUEST, DEVICE, "step"],
    "published": [DEVICE, PLATFORM, "step"],
    "taken": [PLATFORM, DEVICE, "step"],
    "loaded": [DEVICE, DEVICE, "step"],
    "epoch": [DEVICE, DEVICE, "note"],
    "guest-error": [GUEST, GUEST, "trouble"],
    "device": [DEVICE, DEVICE, "note"],
    "console": [GUEST, GUEST, "console"],
    "kernel": [GUEST, GUEST, "kernel"],
    "kernel error": [GUEST, GUEST, "trouble"],
    "ok": [GUEST, GUEST, "console"],
    "not ok": [GUEST, GUEST, "trouble"],
  };
  const kindOf = (row) => data.kinds[rows.kind[row]];
  const drawn = (row) => KINDS[kindOf(row)] || [PLATFORM, PLATFORM, "note"];

  const size = rows.time.length;
  const time = new Float64Array(size);
  for (let row = 0, sum = 0; row < size; row++) {
    sum += rows.time[row];
    time[row] = sum;
  }

  const id = (name) => document.getElementById(name);
  const make = (name, properties, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };
  const drawing = (name, attributes, ...children) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    element.append(...children);
    return element;
  };
  // Date and time of day; a log may have times that no calendar has.
  const moment = (micros) => {
    const seconds = Math.floor(micros / 1e6);
    const date = new Date(seconds * 1000);
    if (Number.isNaN(date.getTime())) return ["no date", "no time"];
    const [day, rest] = date.toISOString().split("T");
    return [day, rest.slice(0, 8) + "." + String(micros - seconds * 1e6).padStart(6, "0")];
  };
  const clock = (micros) => moment(micros)[1];
  const span = (micros) => {
    if (micros < 0) return "-" + span(-micros);
    if (micros < 10000) return micros + " µs";
    if (micros < 1e7) return (micros / 1000).toFixed(1) + " ms";
    return (micros / 1e6).toFixed(1) + " s";
  };

  // The rows that the filters let through, in order.
  let view = new Uint32Array(0);
  let selected = -1;
  const off = new Set();
  const filter = id("filter"), channel = id("channel"), list = id("list"), space = id("space");
  const detail = id("detail");

  const whatOf = (row) => {
    const parts = [texts[rows.text[row]]];
    const message = rows.message[row];
    if (message >= 0) {
      const handler = texts[messages.handler[message]];
      const note = texts[messages.note[message]];
      if (handler) parts.push("by " + handler);
      if (note) parts.push(note);
      if (drawn(row)[2] === "step") parts.push(texts[messages.name[message]]);
    }
    return parts.filter((part) => part).join("  ");
  };

  const lanes = (from, to) => {
    const at = (lane) => 24 + 76 * lane + 0.5;
    const picture = drawing("svg", { class: "lanes", width: 200, height: ROW, "aria-hidden": "true" });
    if (from === to) {
      picture.append(drawing("circle", { cx: at(from), cy: 10, r: 3.2 }));
      return picture;
    }
    const way = Math.sign(to - from), end = at(to) - 2 * way;
    picture.append(
      drawing("line", { x1: at(from), y1: 10, x2: end - 5 * way, y2: 10 }),
      drawing("path", { d: `M${end} 10L${end - 7 * way} 6.5V13.5Z` }),
    );
    return picture;
  };

  const line = (place) => {
    const row = view[place];
    const [from, to, group] = drawn(row);
    const before = place > 0 ? time[row] - time[view[place - 1]] : 0;
    const picture = lanes(from, to);
    picture.classList.add("of-" + LANES[from]);
    const number = rows.channel[row];
    const element = make("div", { className: "row is-" + group, id: "row" + row },
      make("span", { className: "time", textContent: clock(time[row]) }),
      make("span", { className: "delta", textContent: before < 1e7 ? before : span(before) }),
      picture,
      make("span", { className: "channel", textContent: number < 0 ? "" : number }),
      make("span", { className: "kind", textContent: kindOf(row) }),
      make("span", { className: "what", textContent: whatOf(row) }));
    element.setAttribute("role", "option");
    element.setAttribute("aria-selected", row === selected);
    element.style.top = place * ROW + "px";
    element.dataset.row = row;
    return element;
  };

  let waiting = 0;
  const draw = () => {
    waiting = 0;
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 10);
    const last = Math.min(view.length, first + Math.ceil(list.clientHeight / ROW) + 20);
    const seen = [];
    for (let place = first; place < last; place++) seen.push(line(place));
    space.replaceChildren(...seen);
    if (selected >= 0) list.setAttribute("aria-activedescendant", "row" + selected);
  };
  const redraw = () => { waiting ||= requestAnimationFrame(draw); };

  // The place in the view of the first row from this one on.
  const placeOf = (row) => {
    let low = 0, high = view.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (view[middle] < row) low = middle + 1; else high = middle;
    }
    return low;
  };
  const rowAt = (micros) => {
    let low = 0, high = size;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (time[middle] < micros) low = middle + 1; else high = middle;
    }
    return Math.min(low, size - 1);
  };
  // What led to a failure is above it, what came of a doorbell below.
  const reveal = (place, middle) => {
    const top = place * ROW, height = list.clientHeight;
    const share = kindOf(view[place] ?? 0) === "not ok" ? 0.8 : 0.2;
    if (middle) list.scrollTop = top - height * share;
    else if (top < list.scrollTop) list.scrollTop = top;
    else if (top + ROW > list.scrollTop + height) list.scrollTop = top + ROW - height;
  };

  const apply = () => {
    const query = filter.value.trim().toLowerCase();
    const bytes = query.replaceAll(" ", "");
    const isHex = /^([0-9a-f]{2}){2,}$/.test(bytes);
    let hits = null;
    if (query) {
      hits = new Uint8Array(texts.length);
      texts.forEach((text, place) => {
        const lower = text.toLowerCase();
        hits[place] = lower.includes(query) || (isHex && lower.includes(bytes));
      });
    }
    const kinds = data.kinds.map((kind) => !off.has(kind) && (!hits || kind.includes(query) ? 2 : 1));
    const columns = ["name", "handler", "note", "content", "whole", "names", "values", "meanings"];
    const wanted = channel.value === "" ? null : Number(channel.value);
    const found = new Uint32Array(size);
    let count = 0;
    for (let row = 0; row < size; row++) {
      const kind = kinds[rows.kind[row]];
      if (!kind || (wanted !== null && rows.channel[row] >= 0 && rows.channel[row] !== wanted)) continue;
      if (kind !== 2 && !hits[rows.text[row]]) {
        const message = rows.message[row];
        if (message < 0 || !columns.some((name) => hits[messages[name][message]])) continue;
      }
      found[count++] = row;
    }
    view = found.slice(0, count);
    space.style.height = count * ROW + "px";
    id("count").textContent = `${count.toLocaleString("en")} of ${size.toLocaleString("en")}`;
    if (selected >= 0) reveal(placeOf(selected), true);
    draw();
  };

  // Shows a row, also where the filters hide it.
  const goTo = (row) => {
    if (view[placeOf(row)] !== row) {
      filter.value = channel.value = "";
      off.delete(kindOf(row));
      chips();
      apply();
    }
    select(row, true);
  };
  const select = (row, middle) => {
    selected = row;
    history.replaceState(null, "", "#" + row);
    reveal(placeOf(row), middle);
    redraw();
    show(row);
  };
  const link = (text, row) =>
    make("button", { type: "button", textContent: text, onclick: () => goTo(row) });

  const hex = (text) => {
    const lines = [];
    for (let at = 0; at < text.length; at += 32) {
      const bytes = text.slice(at, at + 32).match(/../g) || [];
      const plain = bytes.map((byte) => {
        const code = parseInt(byte, 16);
        return code >= 32 && code < 127 ? String.fromCharCode(code) : ".";
      });
      const halves = [bytes.slice(0, 8).join(" "), bytes.slice(8).join(" ")];
      lines.push((at / 2).toString(16).padStart(4, "0") + "  " +
        halves.join("  ").padEnd(50) + plain.join(""));
    }
    return lines.join("\n");
  };
  const stemOf = (name) => name.replace(/(\.r[0-9]+)?\.pcc$/, "");
  let byStem = null;
  // The command that a row belongs to, by its file's name, or else its time.
  const commandOf = (row, name) => {
    byStem ||= new Map(commands.map((one) => [stemOf(texts[one[0]]), one]));
    if (name) return byStem.get(stemOf(name));
    if (drawn(row)[2] !== "step") return undefined;
    // What is not there is -1, which is no time.
    const isOf = (one) => time[row] >= one[2] && one.slice(3).includes(time[row] - one[2]);
    return commands.find((one) => one[1] === rows.channel[row] && isOf(one)) || commands.find(isOf);
  };

  const wayOf = (command) => {
    const table = make("table", { className: "way" });
    let before = 0;
    const taken = steps.map((name, at) => [name, command[3 + at]]).filter(([, after]) => after >= 0);
    taken.sort((one, other) => one[1] - other[1]);
    for (const [name, after] of taken) {
      table.append(make("tr", {},
        make("td", {}, link(clock(command[2] + after), rowAt(command[2] + after))),
        make("td", { className: "number", textContent: "+" + span(after) }),
        make("td", { className: "number", textContent: after > before ? "(" + span(after - before) + ")" : "" }),
        make("td", { textContent: name === "next" ? "next doorbell" : name })));
      before = after;
    }
    return table;
  };
  const fieldsOf = (message) => {
    const parse = (column) => JSON.parse(texts[messages[column][message]] || "[]");
    const names = parse("names"), values = parse("values"), meanings = parse("meanings");
    const table = make("table", { className: "fields" });
    names.forEach((name, at) => {
      const value = values[at];
      const meaning = meanings[at] ?? "";
      const isPlain = typeof value !== "number" || value < 10 || meaning.startsWith("0x");
      const number = isPlain ? "" : " 0x" + value.toString(16);
      table.append(make("tr", { className: name.startsWith("end.") ? "bad" : "" },
        make("td", { textContent: name }),
        make("td", { textContent: value + number }),
        make("td", { textContent: meaning })));
    });
    return names.length ? [make("h2", { textContent: "fields" }), table] : [];
  };

  const show = (row) => {
    const message = rows.message[row];
    const text = (column) => message < 0 ? "" : texts[messages[column][message]];
    const facts = make("dl", {});
    const fact = (name, value) => {
      if (value !== "") facts.append(make("dt", { textContent: name }), make("dd", { textContent: value }));
    };
    fact("time", moment(time[row]).join(" ") + " UTC");
    fact("channel", rows.channel[row] < 0 ? "" : "subspace " + rows.channel[row]);
    fact("file", text("name"));
    fact("handler", text("handler"));
    fact("note", text("note"));
    const latency = message < 0 ? -1 : messages.latency[message];
    fact("answered after", latency < 0 ? "" : span(latency));
    const command = commandOf(row, text("name"));
    const parts = [];
    if (command && !text("name")) fact("file", texts[command[0]]);
    if (command) parts.push(make("h2", { textContent: "its way" }), wayOf(command));
    if (message >= 0) {
      parts.push(...fieldsOf(message));
      for (const [name, title] of [["content", "the file"], ["whole", "the whole message"]]) {
        const bytes = text(name);
        if (!bytes) continue;
        parts.push(make("h2", { textContent: `${title}, ${bytes.length / 2} bytes` }),
          make("pre", { className: "hex", textContent: hex(bytes) }));
      }
    }
    const close = make("button", { type: "button", className: "close", textContent: "close (Esc)", onclick: hide });
    const title = make("h2", { textContent: kindOf(row) + ": " + texts[rows.text[row]] });
    detail.replaceChildren(close, title, facts, ...parts);
    if (detail.hidden) {
      detail.hidden = false;
      redraw();
    }
    detail.scrollTop = 0;
  };
  const hide = () => {
    detail.hidden = true;
    redraw();
  };

  const counts = data.kinds.map(() => 0);
  for (const kind of rows.kind) counts[kind]++;
  const chips = () => id("kinds").replaceChildren(...data.kinds.map((kind, place) => {
    const chip = make("button", {
      type: "button", textContent: `${kind} ${counts[place].toLocaleString("en")}`,
      title: "click: show or hide; double click: only this",
      onclick: () => { if (!off.delete(kind)) off.add(kind); chips(); apply(); },
      ondblclick: () => {
        data.kinds.forEach((other) => off.add(other));
        off.delete(kind);
        chips();
        apply();
      },
    });
    chip.setAttribute("aria-pressed", !off.has(kind));
    return chip;
  }));

  const bars = (counts, first) => {
    const most = Math.max(...counts);
    const shown = counts.slice(first);
    const picture = drawing("svg", { class: "bars", width: shown.length * 12, height: 18, role: "img",
      "aria-label": "histogram, a bar for each power of two" });
    shown.forEach((count, at) => {
      const height = count ? Math.max(1, Math.round(17 * count / most)) : 0;
      const power = first + at;
      const bar = drawing("rect", { x: at * 12, y: 18 - height, width: 11, height });
      const from = power ? 2 ** (power - 1) : 0;
      bar.append(drawing("title", {}, `${count}: ${span(from)} to ${span(2 ** power)}`));
      picture.append(bar);
    });
    return picture;
  };
  const latencies = () => {
    if (!data.latencies.length) return;
    const head = ["channel", "from", "to", "count", "min", "p50", "p90", "p99", "max", "by powers of two"];
    const table = make("table", {}, make("tr", {}, ...head.map((textContent) => make("th", { textContent }))));
    // One scale for all.
    const first = Math.min(...data.latencies.map((one) => one.counts.findIndex((count) => count > 0)));
    for (const one of data.latencies) {
      const slowest = () => {
        let most = -1, found = null;
        for (const command of commands) {
          const from = command[3 + one.from], to = command[3 + one.to];
          if (command[1] === one.channel && from >= 0 && to >= 0 && to - from > most) {
            most = to - from;
            found = command;
          }
        }
        if (found) goTo(rowAt(found[2] + found[3 + one.to]));
      };
      const cell = (textContent) => make("td", { className: "number", textContent });
      const max = steps[one.from] === "doorbell"
        ? make("td", { className: "number" },
          make("button", { type: "button", textContent: span(one.max), title: "show it", onclick: slowest }))
        : cell(span(one.max));
      table.append(make("tr", {}, cell(one.channel),
        make("td", { textContent: steps[one.from] }), make("td", { textContent: steps[one.to] }),
        cell(one.count), ...[one.min, one.p50, one.p90, one.p99].map((value) => cell(span(value))),
        max, make("td", {}, bars(one.counts, first))));
    }
    id("latencies").append(table);
    id("latencies").hidden = false;
  };
  const tests = () => {
    const results = [];
    let failed = 0;
    for (let row = 0; row < size; row++) {
      const kind = kindOf(row);
      if (kind !== "ok" && kind !== "not ok") continue;
      const button = link(texts[rows.text[row]], row);
      if (kind === "not ok") {
        failed++;
        button.className = "bad";
      }
      results.push(button);
    }
    if (!results.length) return;
    id("tests").querySelector("summary").textContent = `tests: ${results.length}, ${failed} failed`;
    id("tests").querySelector("div").append(...results);
    id("tests").hidden = false;
  };
  const firstFailed = () => {
    const bad = data.kinds.indexOf("not ok");
    return bad < 0 ? -1 : rows.kind.indexOf(bad);
  };
  // Of a run that failed in no test: what guest and platform said last.
  const lastMessage = () => {
    let row = document.querySelector(".word.bad") ? size - 1 : -1;
    while (row >= 0 && drawn(row)[2] !== "message") row--;
    return row;
  };

  const move = (event) => {
    const page = Math.max(1, Math.floor(list.clientHeight / ROW) - 1);
    const by = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1, PageDown: page, PageUp: -page, Home: -size, End: size };
    if (event.key === "Escape") return hide();
    if (!(event.key in by) || event.ctrlKey || event.metaKey || !view.length) return;
    event.preventDefault();
    const place = selected < 0 ? 0 : placeOf(selected) + by[event.key];
    select(view[Math.max(0, Math.min(view.length - 1, place))], false);
  };

  list.addEventListener("scroll", redraw, { passive: true });
  list.addEventListener("keydown", move);
  list.addEventListener("click", (event) => {
    const row = event.target.closest(".row");
    if (row) select(Number(row.dataset.row), false);
  });
  detail.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && event.target !== filter) {
      event.preventDefault();
      filter.select();
    }
  });
  let typing = 0;
  filter.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(apply, size > 50000 ? 150 : 0);
  });
  channel.addEventListener("change", apply);
  window.addEventListener("resize", redraw);
  for (const button of document.querySelectorAll("button[data-goto]")) {
    const row = () => button.dataset.goto === "failed" ? firstFailed() : rowAt(data.first);
    button.addEventListener("click", () => { if (row() >= 0) goTo(row()); });
  }

  channel.append(make("option", { value: "", textContent: "all channels" }));
  for (const number of [...new Set(rows.channel)].filter((it) => it >= 0).sort((a, b) => a - b)) {
    channel.append(make("option", { value: number, textContent: "subspace " + number }));
  }
  if (!size) return;
  id("bar").hidden = document.querySelector("main").hidden = false;
  chips();
  latencies();
  tests();
  apply();
  const asked = /^#[0-9]+$/.test(location.hash) ? Number(location.hash.slice(1)) : -1;
  let start = data.first !== null ? rowAt(data.first) : firstFailed();
  if (start < 0) start = lastMessage();
  if (asked >= 0 && asked < size) start = asked;
  selected = start;
  // Of a run that went well: where guest and platform began to talk.
  if (start < 0) start = rows.kind.indexOf(data.kinds.indexOf("request"));
  reveal(placeOf(Math.max(0, start)), true);
  draw();
  document.body.dataset.ready = Math.round(performance.now() - began);
})();
