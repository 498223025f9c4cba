(() => {
  const by = (id) => document.getElementById(id);
  const data = JSON.parse(by("data").textContent);
  const people = new Map(data.people.map((one) => [one.label, one]));
  const body = document.querySelector("#people tbody");
  const rows = [...body.rows];
  const row = new Map(rows.map((one) => [one.dataset.label, one]));
  const KEY = `rt1t2 ratings ${data.cohort} ${data.key}`;
  const WORDS = { 1: "good", 2: "unsure", 3: "exclude", 0: "" };
  const COLUMNS = ["participant_id", "rating", "note", "rater", "rated_at"];
  let ratings = {};
  let current = null;

  const tell = (text) => { by("status").textContent = text; };
  const clean = (text) => text.replace(/[\t\r\n]+/g, " ").trim();
  const keep = () => {
    try {
      localStorage.setItem(KEY, JSON.stringify({ rater: by("rater").value, ratings }));
    } catch {
      tell("This browser keeps nothing: save ratings.tsv before you close the page.");
    }
  };
  const recall = () => {
    try {
      const known = JSON.parse(localStorage.getItem(KEY) || "{}");
      ratings = known.ratings || {};
      by("rater").value = known.rater || "";
    } catch { ratings = {}; }
  };

  const show = (label) => {
    const cell = row.get(label).querySelector(".rating");
    const own = ratings[label] || {};
    cell.dataset.rating = own.rating || "";
    cell.textContent = [own.rating, own.note].filter(Boolean).join(": ");
    if (label !== current) return;
    document.querySelectorAll("[data-rate]").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.rate === own.rating));
    });
    if (document.activeElement !== by("note")) by("note").value = own.note || "";
  };
  const count = () => {
    const n = rows.filter((one) => (ratings[one.dataset.label] || {}).rating).length;
    tell(`${n} of ${rows.length} rated`);
  };
  const change = (label, more) => {
    const own = { ...ratings[label], ...more };
    own.rater = clean(by("rater").value);
    own.rated_at = new Date().toISOString().slice(0, 19) + "Z";
    ratings[label] = own;
    show(label);
    count();
    keep();
  };

  const image = (path, name, label, hidden) => {
    const made = document.createElement("img");
    made.loading = "lazy";
    made.alt = `${name} of ${label}`;
    made.dataset.shown = name;
    made.hidden = hidden;
    made.src = path;
    return made;
  };
  const figure = ([title, names, paths], label) => {
    const made = document.createElement("figure");
    const caption = document.createElement("figcaption");
    caption.append(title);
    if (paths.length > 1) {
      made.dataset.pair = "";
      const name = document.createElement("strong");
      name.dataset.name = "";
      name.textContent = names[0];
      const button = document.createElement("button");
      button.dataset.switch = "";
      button.textContent = "Switch";
      caption.append(button, name);
    }
    made.append(caption, ...paths.map((path, k) => image(path, names[k], label, k > 0)));
    return made;
  };
  const shown = () => [...body.rows].filter((one) => !one.hidden);
  const choose = (label) => {
    if (current) row.get(current).removeAttribute("aria-current");
    current = label;
    const at = row.get(label);
    at.setAttribute("aria-current", "true");
    at.scrollIntoView({ block: "nearest" });
    by("who").textContent = label;
    const figures = people.get(label).shown.map((one) => figure(one, label));
    const none = document.createElement("p");
    none.textContent = "No pictures of this person are in the folder.";
    by("pictures").replaceChildren(...(figures.length ? figures : [none]));
    by("panel").scrollTop = 0;
    show(label);
    const next = shown()[shown().indexOf(at) + 1];
    if (next) people.get(next.dataset.label).shown.forEach(([, , paths]) => paths.forEach((path) => { new Image().src = path; }));
  };
  const step = (by_) => {
    const list = shown();
    if (!list.length) return;
    const at = list.findIndex((one) => one.dataset.label === current);
    const next = at < 0 ? 0 : Math.min(Math.max(at + by_, 0), list.length - 1);
    choose(list[next].dataset.label);
  };
  const measure = () => {
    const name = by("measure").value;
    rows.forEach((one) => {
      const cell = one.querySelector(".measure");
      const [text, number, beyond] = people.get(one.dataset.label).numbers[name] || [""];
      cell.textContent = text;
      cell.classList.toggle("beyond", Boolean(beyond));
      if (number === undefined) delete cell.dataset.value; else cell.dataset.value = number;
    });
  };
  const rate = (word) => {
    if (!current) return;
    change(current, { rating: word });
  };

  const wanted = (one) => {
    const rating = (ratings[one.dataset.label] || {}).rating || "";
    return {
      all: true,
      unrated: !rating,
      flagged: one.dataset.state === "flagged" || one.dataset.state === "failed",
      exclude: rating === "exclude" || rating === "unsure",
    }[by("filter").value];
  };
  const filter = () => {
    rows.forEach((one) => { one.hidden = !wanted(one); });
    const first = shown()[0];
    if (first && (!current || row.get(current).hidden)) choose(first.dataset.label);
  };
  const value = (cell, kind) => {
    if (kind === "text") return cell.textContent.trim();
    return cell.dataset.value === undefined ? Infinity : Number(cell.dataset.value);
  };
  const sort = (button) => {
    const heading = button.closest("th");
    const at = heading.cellIndex;
    const up = heading.getAttribute("aria-sort") !== "ascending";
    document.querySelectorAll("#people thead th").forEach((one) => one.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    const kind = button.dataset.sort;
    const order = [...body.rows].sort((a, b) => {
      const [x, y] = [value(a.cells[at], kind), value(b.cells[at], kind)];
      const less = kind === "text" ? x.localeCompare(y, "en", { numeric: true }) : x === y ? 0 : x - y;
      return up ? less : -less;
    });
    body.append(...order);
  };

  const table = () => {
    const lines = rows.map((one) => [one.dataset.label, ratings[one.dataset.label]])
      .filter(([, own]) => own && (own.rating || own.note))
      .map(([label, own]) => [label, own.rating || "n/a", own.note, own.rater || by("rater").value, own.rated_at]
        .map((cell) => clean(cell || "") || "n/a").join("\t"));
    return [COLUMNS.join("\t"), ...lines].join("\n") + "\n";
  };
  const save = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([table()], { type: "text/tab-separated-values" }));
    link.download = "ratings.tsv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    tell("ratings.tsv is saved");
  };
  const unquoted = (text) => {
    const cell = text.trim();
    return /^".*"$/.test(cell) ? cell.slice(1, -1).replace(/""/g, '"') : cell;
  };
  const load = (text) => {
    const [head, ...lines] = text.replace(/^\ufeff/, "").split(/\r?\n/).filter(Boolean)
      .map((line) => line.split("\t").map(unquoted));
    const at = (name) => (head || []).indexOf(name);
    if (at("participant_id") < 0 || at("rating") < 0) {
      tell("This file has no columns participant_id and rating.");
      return;
    }
    const cell = (line, name) => (["n/a", undefined].includes(line[at(name)]) ? "" : line[at(name)]);
    lines.forEach((line) => {
      line[at("participant_id")] = `sub-${line[at("participant_id")].replace(/^sub-/, "")}`;
      line[at("rating")] = (line[at("rating")] || "").toLowerCase();
    });
    const words = Object.values(WORDS);
    const known = lines.filter((line) => row.has(line[at("participant_id")])
      && words.includes(cell(line, "rating")));
    known.forEach((line) => {
      ratings[line[at("participant_id")]] = Object.fromEntries(
        COLUMNS.slice(1).map((name) => [name, cell(line, name)]));
    });
    rows.forEach((one) => show(one.dataset.label));
    keep();
    tell(`${known.length} of ${lines.length} ratings loaded`);
  };

  by("export").addEventListener("click", save);
  by("load").addEventListener("change", (event) => {
    const [file] = event.target.files;
    if (file) file.text().then(load);
  });
  by("filter").addEventListener("change", filter);
  by("rater").addEventListener("input", keep);
  if (by("measure")) by("measure").addEventListener("change", measure);
  by("note").addEventListener("input", (event) => {
    if (current) change(current, { note: clean(event.target.value) });
  });
  document.querySelectorAll("[data-sort]").forEach((button) => {
    button.addEventListener("click", () => sort(button));
  });
  document.querySelectorAll("[data-rate]").forEach((button) => {
    button.addEventListener("click", () => rate(button.dataset.rate));
  });
  body.addEventListener("click", (event) => {
    const at = event.target.closest("tr");
    if (at && !event.target.closest("a")) choose(at.dataset.label);
  });
  document.addEventListener("keydown", (event) => {
    if (event.target === by("note") && ["Enter", "Escape"].includes(event.key)) {
      by("panel").focus({ preventScroll: true });
      return;
    }
    if (typing(event)) return;
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key in WORDS) rate(WORDS[event.key]);
    else if (event.key === "n") { by("note").focus(); event.preventDefault(); }
  });

  recall();
  if (by("measure")) measure();
  rows.forEach((one) => show(one.dataset.label));
  const asked = decodeURIComponent(location.hash.slice(1));
  if (row.has(asked)) choose(asked); else step(0);
  count();
  document.documentElement.dataset.desk = "ready";
})();
