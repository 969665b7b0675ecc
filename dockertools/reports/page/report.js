"use strict";
(() => {
  const DEEPEST = 4, HEADING = 20, SMALLEST = 24, MOST_MATCHES = 60;
  const data = JSON.parse(document.getElementById("data").textContent);
  const get = (id) => document.getElementById(id);

  function make(name, properties = {}, ...children) {
    const element = document.createElement(name);
    const { dataset = {}, ...others } = properties;
    Object.assign(element, others);
    Object.assign(element.dataset, dataset);
    element.append(...children);
    return element;
  }

  function formatBytes(bytes) {
    let count = bytes, unit = 0;
    for (const units = 4; unit < units && count >= (unit ? 999.5 : 1000); unit += 1) count /= 1000;
    const digits = !unit || count >= 99.95 ? 0 : count >= 9.995 ? 1 : 2;
    return `${count.toFixed(digits)} ${["B", "kB", "MB", "GB", "TB"][unit]}`;
  }

  const countFiles = (files) => `${files.toLocaleString("en")} ${files === 1 ? "file" : "files"}`;

  // Theme: as the system has it, until the button says otherwise.
  function themes() {
    const button = get("theme"), system = matchMedia("(prefers-color-scheme: dark)");
    let chosen = null;
    function show() {
      const dark = chosen ?? system.matches;
      document.documentElement.dataset.theme = dark ? "dark" : "light";
      button.textContent = dark ? "Light" : "Dark";
      button.setAttribute("aria-label", dark ? "Change to light colours" : "Change to dark colours");
    }
    button.hidden = false;
    button.addEventListener("click", () => { chosen = document.documentElement.dataset.theme !== "dark"; show(); });
    system.addEventListener("change", show);
    show();
  }

  // The map: a node is [name, bytes, hidden bytes, files, children, package], as the report wrote it; without a
  // package it is of its folder's.
  function makeTree() {
    const layers = data.layers.filter((layer) => layer.tree[1] > 0);
    const root = { name: data.title, nodes: layers.map((layer, place) => ({ layer, place })) };
    const children = (item) => item.nodes ?? (item.layer ? item.layer.tree[4] : item[4]);
    const tree = d3.hierarchy(root, (item) => children(item) ?? null);
    tree.eachBefore((node) => {
      const item = node.data;
      const [name, bytes, hidden, files, , own] = item.layer ? item.layer.tree : item.nodes ? [data.title, 0, 0, 0] : item;
      const layer = item.layer ? item : node.parent?.facts.layer;
      // A layer whose files are all in one folder has that folder's name.
      const path = item.nodes ? "" : item.layer ? name && `/${name}` : `${node.parent.facts.path}/${name || "(smaller files)"}`;
      const outer = node.depth > 1 ? node.parent.facts.package : "";
      const owner = own ?? outer;
      node.facts = {
        bytes, hidden, files, layer, path,
        package: owner,
        isPackage: Boolean(owner) && owner !== outer,
        name: item.nodes ? data.title : item.layer ? item.layer.title : name || "(smaller files)",
        isRest: !item.nodes && !item.layer && !name,
      };
      const said = item.layer ? item.layer.title : node.facts.path;
      node.facts.text = (node.facts.isPackage ? `${said} ${owner}` : said).toLowerCase();
    });
    tree.sum((item) => {
      const row = item.layer ? item.layer.tree : item.nodes ? null : item;
      return row && !row[4] ? row[1] : 0;
    });
    Object.assign(tree.facts, {
      bytes: tree.value,
      hidden: tree.children?.reduce((sum, node) => sum + node.facts.hidden, 0) ?? 0,
      files: tree.children?.reduce((sum, node) => sum + node.facts.files, 0) ?? 0,
    });
    return tree;
  }

  function describe(node, total) {
    const { bytes, hidden, files, path, name, layer, package: owner } = node.facts;
    const parts = [`${formatBytes(bytes)}, ${((100 * bytes) / total).toFixed(1)} % of the image`];
    if (files !== 1 || node.children) parts.push(countFiles(files));
    if (hidden) parts.push(`${formatBytes(hidden)} hidden by later layers`);
    if (owner) parts.push(`of the package ${owner}`);
    if (node.depth > 1) parts.push(`in ${layer.layer.title}`);
    return `${node.depth > 1 ? path : name}: ${parts.join("; ")}`;
  }

  function map() {
    const box = get("map"), tree = makeTree();
    if (!tree.children) return;
    const total = tree.value;
    let current = tree, cells = [], query = "";
    get("map-tools").hidden = false;
    box.hidden = get("keys").hidden = false;

    const matches = (node) => !node.facts.isRest && node.facts.text.includes(query);
    const holdsMatch = (node) => node.descendants().some(matches);
    const isWithinMatch = (node) => node.ancestors().some((other) => other.parent && matches(other));

    function layOut() {
      const width = box.clientWidth, height = box.clientHeight;
      const shown = current.copy();
      const pairs = new Map();
      const originals = current.descendants();
      shown.descendants().forEach((node, place) => pairs.set(node, originals[place]));
      d3.treemap().size([width, height]).round(true).paddingInner(2)
        .paddingTop((node) => (node.depth === 0 ? 0 : node.depth < DEEPEST ? HEADING : 0))
        .paddingRight((node) => (node.depth ? 2 : 0)).paddingBottom((node) => (node.depth ? 2 : 0))
        .paddingLeft((node) => (node.depth ? 2 : 0))(shown);
      return shown.descendants().filter((node) => node.depth > 0 && node.depth <= DEEPEST)
        .map((node) => ({ node: pairs.get(node), depth: node.depth, x: node.x0, y: node.y0, w: node.x1 - node.x0, h: node.y1 - node.y0 }))
        .filter((cell) => cell.w > 1 && cell.h > 1);
    }

    function writeLabel(element, { node, w, h }) {
      if (w <= 34) return;
      const { facts } = node;
      const say = (textContent) => element.append(make("span", { textContent }));
      const size = formatBytes(facts.bytes);
      if (node.children || h < 34) {
        const name = facts.isPackage && w > 200 ? `${facts.name} (${facts.package})` : facts.name;
        return say(`${name}  ${size}`);
      }
      say(facts.name);
      say(size);
      if (facts.isPackage && h >= 52) say(facts.package);
    }

    function makeCell(cell) {
      const { node, depth, x, y, w, h } = cell;
      const { facts } = node;
      const canReach = w >= SMALLEST && h >= Math.min(SMALLEST, HEADING);
      const element = make(canReach ? "button" : "div", { className: "cell" });
      if (canReach) {
        element.type = "button";
        element.tabIndex = -1;
        element.setAttribute("aria-label", `${describe(node, total)}${node.children ? "; opens" : ""}`);
        writeLabel(element, cell);
      } else {
        element.setAttribute("aria-hidden", "true");
      }
      element.classList.toggle("base", facts.layer.layer.base);
      element.classList.toggle("gone", !node.children && facts.hidden * 2 > facts.bytes);
      element.classList.toggle("dim", Boolean(query) && !isWithinMatch(node) && !holdsMatch(node));
      const style = { left: `${x}px`, top: `${y}px`, width: `${w}px`, height: `${h}px` };
      Object.assign(element.style, style);
      element.style.setProperty("--hue", String((205 + facts.layer.place * 67) % 360));
      element.style.setProperty("--depth", String(depth - 1));
      cell.element = element;
      return cell;
    }

    function draw(focusNode) {
      const hadFocus = box.contains(document.activeElement) || focusNode;
      cells = layOut().map(makeCell);
      box.replaceChildren(...cells.map((cell) => cell.element));
      drawPath();
      const reachable = cells.filter((cell) => cell.element.tagName === "BUTTON");
      const first = reachable.find((cell) => cell.node === focusNode) ?? reachable[0];
      if (first) first.element.tabIndex = 0;
      if (first && hadFocus) first.element.focus();
      get("detail").textContent = describe(first && hadFocus ? first.node : current, total);
    }

    function drawPath() {
      const items = current.ancestors().reverse().map((node) => {
        const button = make("button", { type: "button", textContent: node.parent ? node.facts.name : "All layers" });
        if (node === current) button.setAttribute("aria-current", "location");
        button.addEventListener("click", () => zoom(node));
        return make("li", {}, button);
      });
      get("path").replaceChildren(...items);
    }

    function zoom(node, focusNode) {
      const from = current;
      current = node.children ? node : node.parent;
      draw(focusNode ?? (from !== current ? from.ancestors().find((other) => other.parent === current) : undefined));
    }

    const cellOf = (element) => cells.find((cell) => cell.element === element);

    function focusCell(cell) {
      for (const other of cells) if (other.element.tabIndex === 0) other.element.tabIndex = -1;
      cell.element.tabIndex = 0;
      cell.element.focus();
    }

    // The nearest cell that begins beyond this one in the arrow's direction, else inside or outside it.
    function neighbour(from, key) {
      const [dx, dy] = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[key];
      const anchor = (cell) => [cell.x + Math.min(cell.w, 40) / 2, cell.y + Math.min(cell.h, HEADING) / 2];
      const [x, y] = anchor(from);
      let best = null, least = Infinity;
      for (const cell of cells) {
        if (cell === from || cell.element.tagName !== "BUTTON") continue;
        const [cx, cy] = anchor(cell);
        const along = (cx - x) * dx + (cy - y) * dy, across = Math.abs((cx - x) * dy) + Math.abs((cy - y) * dx);
        if (along <= 2) continue;
        const cost = along + 3 * across;
        if (cost < least) [best, least] = [cell, cost];
      }
      return best;
    }

    box.addEventListener("click", (event) => {
      const cell = cellOf(event.target.closest(".cell"));
      if (cell?.node.children) zoom(cell.node, cell.node.children[0]);
      else if (cell) { if (cell.element.tagName === "BUTTON") focusCell(cell); get("detail").textContent = describe(cell.node, total); }
    });
    for (const name of ["focusin", "mouseover"]) {
      box.addEventListener(name, (event) => {
        const cell = cellOf(event.target.closest(".cell"));
        if (cell) get("detail").textContent = describe(cell.node, total);
      });
    }
    box.addEventListener("keydown", (event) => {
      const cell = cellOf(document.activeElement);
      if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key.startsWith("Arrow")) { const next = neighbour(cell, event.key); if (next) focusCell(next); }
      else if (event.key === "Escape" || event.key === "Backspace") { if (current.parent) zoom(current.parent); }
      else if (event.key === "Home") zoom(tree, tree.children[0]);
      else return;
      event.preventDefault();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.target.closest("input")) return;
      event.preventDefault();
      get("find").focus();
    });

    function find() {
      query = get("find").value.trim().toLowerCase();
      const found = query ? tree.descendants().filter((node) => node.parent && matches(node)) : [];
      // A folder that is found stands for what is in it.
      const tops = found.filter((node) => !node.ancestors().slice(1).some((other) => other.parent && matches(other)))
        .sort((one, other) => other.facts.bytes - one.facts.bytes);
      const bytes = tops.reduce((sum, node) => sum + node.facts.bytes, 0);
      get("found").textContent = !query ? "" : tops.length
        ? `${tops.length.toLocaleString("en")} found, ${formatBytes(bytes)}${tops.length > MOST_MATCHES ? `; the ${MOST_MATCHES} largest are listed` : ""}`
        : "Nothing found. What is smaller than a three-thousandth of the image is not in the map.";
      get("matches").hidden = !tops.length;
      get("matches").replaceChildren(...tops.slice(0, MOST_MATCHES).map((node) => {
        const button = make("button", { type: "button" },
          make("span", { className: "bytes", textContent: formatBytes(node.facts.bytes) }),
          make("span", { textContent: node.depth > 1 ? `${node.facts.path}  (${node.facts.layer.layer.short})` : node.facts.name }));
        button.addEventListener("click", () => zoom(node.children ? node : node.parent, node.children ? node.children[0] : node));
        return make("li", {}, button);
      }));
      draw();
    }
    get("find").addEventListener("input", find);
    get("find").addEventListener("keydown", (event) => {
      if (event.key === "Escape" && query) { event.preventDefault(); get("find").value = ""; find(); }
    });
    const area = () => box.clientWidth * box.clientHeight;
    let size = area();
    new ResizeObserver(() => {
      if (size === area()) return;
      size = area();
      draw(cellOf(document.activeElement)?.node);
    }).observe(box);
    draw();
  }

  // Tables: a click on a heading sorts.
  function tables() {
    for (const table of document.querySelectorAll("table")) {
      const body = table.tBodies[0];
      if (body.rows.length < 3) continue;
      [...table.tHead.rows[0].cells].forEach((heading, place) => {
        const button = make("button", { type: "button", textContent: heading.textContent });
        heading.replaceChildren(button);
        button.addEventListener("click", () => sortBy(table, heading, place));
      });
    }
  }

  function sortBy(table, heading, place) {
    const isNumber = heading.classList.contains("number");
    const before = heading.getAttribute("aria-sort");
    const order = before ? (before === "ascending" ? "descending" : "ascending") : isNumber ? "descending" : "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
    const value = (row) => { const cell = row.cells[place]; return isNumber ? Number(cell.dataset.value ?? -1) : cell.textContent; };
    const compare = (one, other) => (isNumber ? value(one) - value(other) : value(one).localeCompare(value(other), "en", { numeric: true }));
    const rows = [...table.tBodies[0].rows].sort(compare);
    table.tBodies[0].append(...(order === "descending" ? rows.reverse() : rows));
  }

  // The trend: two curves, each with its own scale.
  const SVG = "http://www.w3.org/2000/svg";
  function draw(name, attributes, text = "") {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text) element.textContent = text;
    return element;
  }

  function curve(title, builds, value, format) {
    const width = 560, height = 220, left = 66, right = 12, top = 12, bottom = 28;
    const values = builds.map(value), low = Math.min(...values), high = Math.max(...values);
    const y = d3.scaleLinear().domain(low === high ? [0, high || 1] : [Math.max(0, low - (high - low) * 0.15), high]).nice(4).range([height - bottom, top]);
    const x = d3.scaleLinear().domain([0, Math.max(builds.length - 1, 1)]).range([left, width - right]);
    const picture = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
    picture.setAttribute("aria-label", `${title}: from ${format(values[0])} to ${format(values.at(-1))} over ${values.length} builds; least ${format(low)}, most ${format(high)}`);
    for (const tick of y.ticks(4)) {
      picture.append(draw("line", { class: "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }));
      picture.append(draw("text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end" }, format(tick)));
    }
    const points = values.map((number, place) => [x(place), y(number)]);
    picture.append(draw("path", { class: "curve", d: d3.line()(points) }));
    points.forEach(([cx, cy], place) => {
      const point = draw("circle", { cx, cy, r: builds.length > 40 ? 2.5 : 4 });
      point.append(draw("title", {}, `${builds[place].finished}: ${format(values[place])}`));
      picture.append(point);
    });
    picture.append(draw("text", { x: left, y: height - 8 }, builds[0].finished));
    picture.append(draw("text", { x: width - right, y: height - 8, "text-anchor": "end" }, builds.at(-1).finished));
    return make("figure", {}, make("figcaption", { textContent: title }), picture);
  }

  function trend() {
    const box = get("trend");
    if (!box) return;
    if (data.builds.length < 2) { box.replaceWith(make("p", { className: "muted", textContent: "One build is recorded; curves begin with the second." })); return; }
    box.append(
      curve("Size, uncompressed", data.builds, (build) => build.size, formatBytes),
      curve("Time of the build", data.builds, (build) => build.seconds, (seconds) => `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`),
    );
  }

  themes();
  map();
  tables();
  trend();
})();
