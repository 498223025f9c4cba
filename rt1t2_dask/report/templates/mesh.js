(() => {
  "use strict";
  const TURN = 5;
  const FAR = 20;
  const LARGER = 1.2;
  const ZOOMS = [0.6, 12];
  const STILL = 4;
  const MARGIN = 0.94;
  const SULCI = [214, 132, 15];
  const VIEWS = {
    lateral: { left: [-90, 0], right: [90, 0] },
    medial: { left: [90, 0], right: [-90, 0] },
    dorsal: { left: [0, 90], right: [0, 90] },
    ventral: { left: [180, -90], right: [180, -90] },
  };
  const VERTEX = `#version 300 es
    in vec3 place; in vec3 normal; in vec4 colour; in float inside;
    uniform mat3 turn; uniform vec3 middle; uniform vec3 scale;
    out vec3 at; out vec3 facing; out vec3 paint; out float within;
    void main() {
      vec3 seen = turn * (place - middle);
      at = place;
      facing = turn * normal;
      paint = colour.rgb;
      within = inside;
      gl_Position = vec4(seen * scale, 1.0);
    }`;
  const FRAGMENT = `#version 300 es
    precision highp float;
    in vec3 at; in vec3 facing; in vec3 paint; in float within;
    uniform vec3 spot; uniform float ring;
    out vec4 shown;
    void main() {
      vec3 mixed = paint * (0.55 + 0.45 * abs(normalize(facing).z));
      float edge = fwidth(within);
      if (edge > 1e-5) mixed = mix(vec3(0.0), mixed, smoothstep(0.6, 1.5, abs(within - 0.5) / edge));
      float off = abs(distance(at, spot) - ring);
      if (ring > 0.0) mixed = mix(vec3(off < 0.25 * ring ? 1.0 : 0.0), mixed, smoothstep(0.4, 0.5, off / ring));
      shown = vec4(mixed, 1.0);
    }`;

{% include "maps.js" %}

  const between = (value, [low, high]) => Math.min(Math.max(value, low), high);

  class Hemisphere {
    constructor({ side, vertices, first, low, step }, places, faces, greys) {
      Object.assign(this, { side, vertices, first, faces });
      this.greys = greys.map((level) => SULCI[0] - ((SULCI[0] - SULCI[1]) * level) / SULCI[2]);
      this.places = new Float32Array(3 * vertices);
      for (let k = 0; k < vertices; k += 1) {
        for (let a = 0; a < 3; a += 1) this.places[3 * k + a] = low[a] + step * places[k + a * vertices];
      }
      this.middle = [0, 1, 2].map((a) => this.reach(a).reduce((one, other) => (one + other) / 2));
      this.normals = this.sums();
    }

    reach(axis) {
      let [low, high] = [Infinity, -Infinity];
      for (let k = axis; k < this.places.length; k += 3) {
        low = Math.min(low, this.places[k]);
        high = Math.max(high, this.places[k]);
      }
      return [low, high];
    }

    sums() {
      const [p, f] = [this.places, this.faces];
      const found = new Float32Array(p.length);
      for (let k = 0; k < f.length; k += 3) {
        const [a, b, c] = [3 * f[k], 3 * f[k + 1], 3 * f[k + 2]];
        const [ux, uy, uz] = [p[b] - p[a], p[b + 1] - p[a + 1], p[b + 2] - p[a + 2]];
        const [vx, vy, vz] = [p[c] - p[a], p[c + 1] - p[a + 1], p[c + 2] - p[a + 2]];
        const across = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
        for (const corner of [a, b, c]) for (let x = 0; x < 3; x += 1) found[corner + x] += across[x];
      }
      return found;
    }

    look([yaw, pitch]) {
      this.pose = [yaw, between(pitch, [-90, 90])];
      const [a, p] = this.pose.map((degrees) => (degrees * Math.PI) / 180);
      const [back, side] = [[Math.sin(a), -Math.cos(a)], [Math.cos(a), Math.sin(a), 0]];
      const up = [-back[0] * Math.sin(p), -back[1] * Math.sin(p), Math.cos(p)];
      const toward = [back[0] * Math.cos(p), back[1] * Math.cos(p), Math.sin(p)];
      this.axes = [side, up, toward];
      this.seen = null;
    }

    face(vertex) {
      const away = [0, 1, 2].map((a) => this.places[3 * vertex + a] - this.middle[a]);
      const pitch = Math.atan2(away[2], Math.hypot(away[0], away[1]));
      this.look([Math.atan2(away[0], -away[1]), pitch].map((angle) => (angle * 180) / Math.PI));
    }

    projected() {
      if (this.seen) return this.seen;
      this.seen = new Float32Array(this.places.length);
      const [x0, y0, z0] = this.middle;
      for (let k = 0; k < this.seen.length; k += 3) {
        const [x, y, z] = [this.places[k] - x0, this.places[k + 1] - y0, this.places[k + 2] - z0];
        this.axes.forEach((axis, a) => { this.seen[k + a] = axis[0] * x + axis[1] * y + axis[2] * z; });
      }
      return this.seen;
    }

    size() {
      const seen = this.projected();
      let [across, up] = [0, 0];
      for (let k = 0; k < seen.length; k += 3) {
        across = Math.max(across, Math.abs(seen[k]));
        up = Math.max(up, Math.abs(seen[k + 1]));
      }
      return [across, up];
    }

    hit(x, y) {
      const [s, f] = [this.projected(), this.faces];
      let [found, nearest] = [-1, -Infinity];
      for (let k = 0; k < f.length; k += 3) {
        const [a, b, c] = [3 * f[k], 3 * f[k + 1], 3 * f[k + 2]];
        const whole = (s[b] - s[a]) * (s[c + 1] - s[a + 1]) - (s[c] - s[a]) * (s[b + 1] - s[a + 1]);
        const second = ((x - s[a]) * (s[c + 1] - s[a + 1]) - (s[c] - s[a]) * (y - s[a + 1])) / whole;
        const third = ((s[b] - s[a]) * (y - s[a + 1]) - (x - s[a]) * (s[b + 1] - s[a + 1])) / whole;
        if (!(second >= 0 && third >= 0 && second + third <= 1)) continue;
        const shares = [1 - second - third, second, third];
        const depth = shares[0] * s[a + 2] + second * s[b + 2] + third * s[c + 2];
        if (depth <= nearest) continue;
        nearest = depth;
        found = f[k + shares.indexOf(Math.max(...shares))];
      }
      return found;
    }
  }

  class Cortex {
    constructor(root, hemispheres, regions) {
      Object.assign(this, { root, hemispheres, regions });
      this.set = JSON.parse(root.querySelector("[data-settings]").textContent);
      this.canvas = root.querySelector("canvas");
      this.maps = [...root.querySelectorAll("[data-map]")]
        .map((script) => ({ script, ...JSON.parse(script.dataset.map) }));
      this.labels = [...root.querySelectorAll("[data-labels]")];
      this.spots = {};
      this.pointers = new Map();
      [this.view, this.shown, this.zoom] = ["lateral", "both", 1];
    }

    async start() {
      this.gl = this.canvas.getContext("webgl2", { antialias: true, alpha: true, preserveDrawingBuffer: true });
      if (!this.gl) return false;
      this.prepare();
      this.controls();
      this.pose();
      await this.choose(0);
      new ResizeObserver(() => this.draw()).observe(this.canvas);
      return true;
    }

    prepare() {
      const gl = this.gl;
      this.program = gl.createProgram();
      for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
        const shader = gl.createShader(kind);
        gl.shaderSource(shader, text);
        gl.compileShader(shader);
        gl.attachShader(this.program, shader);
      }
      gl.linkProgram(this.program);
      gl.useProgram(this.program);
      gl.enable(gl.DEPTH_TEST);
      gl.enable(gl.SCISSOR_TEST);
      this.hemispheres.forEach((one) => this.load(one));
    }

    load(one) {
      const gl = this.gl;
      one.array = gl.createVertexArray();
      gl.bindVertexArray(one.array);
      this.attribute("place", 3, gl.FLOAT, one.places);
      this.attribute("normal", 3, gl.FLOAT, one.normals);
      one.paint = this.attribute("colour", 4, gl.UNSIGNED_BYTE, new Uint8Array(4 * one.vertices));
      one.within = this.attribute("inside", 1, gl.FLOAT, new Float32Array(one.vertices));
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, one.faces, gl.STATIC_DRAW);
    }

    attribute(name, size, kind, values) {
      const gl = this.gl;
      const buffer = gl.createBuffer();
      const place = gl.getAttribLocation(this.program, name);
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, size, kind, kind === gl.UNSIGNED_BYTE, 0, 0);
      return buffer;
    }

    async choose(index) {
      const map = this.maps[index];
      map.codes ??= await codes(map.script, map.bits);
      const script = this.labels[map.contrast];
      if (script) script.codes ??= await codes(script, Number(script.dataset.labels));
      this.map = map;
      this.clusters = script?.codes;
      this.root.querySelector("[data-choice]").value = index;
      this.colour();
    }

    colour() {
      const gl = this.gl;
      for (const one of this.hemispheres) {
        const paint = new Uint8Array(4 * one.vertices);
        const within = new Float32Array(one.vertices);
        for (let k = 0; k < one.vertices; k += 1) {
          paint.set(colourOf(this.map, this.set, one.first + k, one.greys[k]), 4 * k);
          within[k] = this.clusters?.[one.first + k] ? 1 : 0;
        }
        for (const [buffer, values] of [[one.paint, paint], [one.within, within]]) {
          gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
          gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
        }
      }
      showBar(this.root, this.map, this.set);
      this.draw();
      this.read(this.spots);
    }

    pose() {
      this.hemispheres.forEach((one) => one.look(VIEWS[this.view][one.side]));
      const sizes = this.hemispheres.map((one) => one.size());
      this.extent = [0, 1].map((a) => Math.max(...sizes.map((size) => size[a])));
      this.zoom = 1;
    }

    panels() {
      const chosen = this.hemispheres.filter((one) => ["both", one.side].includes(this.shown));
      if (this.view === "ventral") chosen.reverse();
      const { width, height } = this.canvas;
      const beside = width > height;
      const [w, h] = beside ? [width / chosen.length, height] : [width, height / chosen.length];
      const largest = Math.min(w / this.extent[0], h / this.extent[1]) / 2;
      return chosen.map((one, k) => ({
        one, w, h,
        left: beside ? k * w : 0,
        bottom: beside ? 0 : (chosen.length - 1 - k) * h,
        pixels: MARGIN * this.zoom * largest,
      }));
    }

    draw() {
      const { gl, canvas } = this;
      const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((side) => Math.round(side * window.devicePixelRatio));
      if (!width || !height) return;
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      gl.scissor(0, 0, width, height);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
      const panels = this.panels();
      panels.forEach((panel) => this.paint(panel));
      const names = panels.map(({ one }) => one.side).join(" and ");
      canvas.setAttribute("aria-label", `Inflated cortex, ${names}, ${this.view} view, ${this.map.words}`);
      this.marks(panels);
    }

    paint({ one, w, h, left, bottom, pixels }) {
      const gl = this.gl;
      const uniform = (name) => gl.getUniformLocation(this.program, name);
      gl.viewport(left, bottom, w, h);
      gl.scissor(left, bottom, w, h);
      const turn = [0, 1, 2].flatMap((column) => one.axes.map((axis) => axis[column]));
      gl.uniformMatrix3fv(uniform("turn"), false, turn);
      gl.uniform3fv(uniform("middle"), one.middle);
      gl.uniform3f(uniform("scale"), (2 * pixels) / w, (2 * pixels) / h, -1 / 400);
      const spot = this.spots[one.side];
      gl.uniform3fv(uniform("spot"), spot === undefined ? one.middle : one.places.slice(3 * spot, 3 * spot + 3));
      gl.uniform1f(uniform("ring"), spot === undefined ? 0 : this.set.ring);
      gl.bindVertexArray(one.array);
      const kind = one.faces.BYTES_PER_ELEMENT === 4 ? gl.UNSIGNED_INT : gl.UNSIGNED_SHORT;
      gl.drawElements(gl.TRIANGLES, one.faces.length, kind, 0);
    }

    marks(panels) {
      const { width, height } = this.canvas;
      this.root.querySelectorAll("[data-name]").forEach((mark) => {
        const panel = panels.find(({ one }) => one.side === mark.dataset.name);
        mark.hidden = !panel;
        if (!panel) return;
        mark.style.left = `${(100 * panel.left) / width}%`;
        mark.style.top = `${(100 * (height - panel.bottom - panel.h)) / height}%`;
      });
    }

    turn(across, up) {
      this.hemispheres.forEach((one) => one.look([one.pose[0] + across, one.pose[1] + up]));
      this.draw();
    }

    larger(times) {
      this.zoom = between(this.zoom * times, ZOOMS);
      this.draw();
    }

    under(event) {
      const box = this.canvas.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * this.canvas.width;
      const y = (1 - (event.clientY - box.top) / box.height) * this.canvas.height;
      const inside = ({ left, bottom, w, h }) => x >= left && x < left + w && y >= bottom && y < bottom + h;
      const panel = this.panels().find(inside);
      if (!panel) return {};
      const { one, left, bottom, w, h, pixels } = panel;
      const vertex = one.hit((x - left - w / 2) / pixels, (y - bottom - h / 2) / pixels);
      return vertex < 0 ? {} : { [one.side]: vertex };
    }

    words(one, vertex) {
      const index = one.first + vertex;
      const value = valueOf(this.map, index);
      const found = Number.isNaN(value) ? "not measured" : `${this.map.symbol} = ${textOf(this.map, value)}`;
      const region = this.regions && this.set.regions[this.regions[index]];
      const cluster = this.clusters?.[index];
      const where = [`${one.side} hemisphere, vertex ${vertex}`, region, cluster && `cluster ${cluster}`];
      return `${where.filter(Boolean).join(", ")}: ${found}`;
    }

    read(spots) {
      const said = this.hemispheres.filter(({ side }) => side in spots)
        .map((one) => this.words(one, spots[one.side]));
      this.root.querySelector("[data-readout]").textContent = said.join("; ") || this.set.hint;
    }

    pick(spots) {
      this.spots = spots;
      this.draw();
      this.read(spots);
    }

    async go({ map, side, vertex }) {
      if (this.map.contrast !== this.maps[map].contrast) await this.choose(map);
      const one = this.hemispheres.find((other) => other.side === side);
      if (this.shown !== "both") this.show(side);
      this.hemispheres.forEach((other) => other.look(VIEWS[this.view][other.side]));
      one.face(vertex);
      this.pick({ [side]: vertex });
    }

    show(side) {
      this.shown = side;
      this.press("data-show", side);
    }

    press(name, value) {
      this.root.querySelectorAll(`[${name}]`).forEach((button) => {
        button.setAttribute("aria-pressed", String(button.getAttribute(name) === value));
      });
    }

    key(event) {
      const by = event.shiftKey ? FAR : TURN;
      const moves = {
        ArrowLeft: () => this.turn(by, 0),
        ArrowRight: () => this.turn(-by, 0),
        ArrowUp: () => this.turn(0, -by),
        ArrowDown: () => this.turn(0, by),
        "+": () => this.larger(LARGER),
        "-": () => this.larger(1 / LARGER),
        Home: () => { this.pose(); this.draw(); },
        Enter: () => this.pick(Object.assign({}, ...this.panels().map(({ one }) => {
          const vertex = one.hit(0, 0);
          return vertex < 0 ? {} : { [one.side]: vertex };
        }))),
      };
      if (!moves[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      moves[event.key]();
    }

    down(event) {
      this.pointers.set(event.pointerId, event);
      this.moved = this.pointers.size > 1 ? STILL : 0;
      this.canvas.setPointerCapture?.(event.pointerId);
    }

    move(event) {
      const before = this.pointers.get(event.pointerId);
      if (!before) {
        const under = this.under(event);
        this.read(Object.keys(under).length ? under : this.spots);
        return;
      }
      const others = [...this.pointers.values()].filter((other) => other.pointerId !== event.pointerId);
      this.pointers.set(event.pointerId, event);
      const [x, y] = [event.clientX - before.clientX, event.clientY - before.clientY];
      this.moved += Math.hypot(x, y);
      if (others.length) {
        const apart = (one) => Math.hypot(one.clientX - others[0].clientX, one.clientY - others[0].clientY);
        this.larger(apart(event) / Math.max(apart(before), 1));
      } else if (this.moved >= STILL) {
        const degrees = 180 / (this.canvas.clientHeight * Math.sqrt(this.zoom));
        this.turn(-x * degrees, y * degrees);
      }
    }

    up(event) {
      const still = this.pointers.delete(event.pointerId) && this.moved < STILL;
      if (still && event.type === "pointerup") this.pick(this.under(event));
    }

    controls() {
      const { canvas, root } = this;
      canvas.addEventListener("pointerdown", (event) => this.down(event));
      canvas.addEventListener("pointermove", (event) => this.move(event));
      canvas.addEventListener("pointerup", (event) => this.up(event));
      canvas.addEventListener("pointercancel", (event) => this.up(event));
      canvas.addEventListener("pointerleave", () => this.read(this.spots));
      canvas.addEventListener("keydown", (event) => this.key(event));
      canvas.addEventListener("wheel", (event) => {
        if (document.activeElement !== canvas) return;
        event.preventDefault();
        this.larger(LARGER ** -Math.sign(event.deltaY));
      }, { passive: false });
      canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
      canvas.addEventListener("webglcontextrestored", () => { this.prepare(); this.colour(); });
      const pressed = (name, act) => root.querySelectorAll(`[${name}]`).forEach((button) => {
        button.addEventListener("click", () => act(button.getAttribute(name)));
      });
      pressed("data-view", (view) => {
        this.view = view;
        this.press("data-view", view);
        this.pose();
        this.draw();
      });
      pressed("data-show", (side) => { this.show(side); this.draw(); });
      pressed("data-larger", (times) => this.larger(LARGER ** Number(times)));
      pressed("data-peak", (peak) => this.go(JSON.parse(peak)));
      const choice = root.querySelector("[data-choice]");
      this.maps.forEach((map, k) => this.options(choice, map.of).append(new Option(map.words, k)));
      choice.addEventListener("change", () => this.choose(Number(choice.value)));
      const height = root.querySelector("[data-height]");
      height.addEventListener("input", () => { this.map.height = Number(height.value); this.colour(); });
    }

    options(choice, name) {
      if (!name) return choice;
      const last = choice.lastElementChild;
      if (last?.label === name) return last;
      const group = document.createElement("optgroup");
      group.label = name;
      choice.append(group);
      return group;
    }
  }

  const build = async (root) => {
    const { sides } = JSON.parse(root.querySelector("[data-settings]").textContent);
    const part = (name) => root.querySelector(`[data-part="${name}"]`);
    const read = (script) => codes(script, Number(script.dataset.bits));
    const hemispheres = await Promise.all(sides.map(async (set) => new Hemisphere(
      set, await read(part(`${set.side}-places`)), await read(part(`${set.side}-faces`)),
      Array.from(await read(part(`${set.side}-sulci`))))));
    const regions = part("regions") && await read(part("regions"));
    return new Cortex(root, hemispheres, regions).start();
  };

  document.querySelectorAll("[data-mesh]").forEach((root) => {
    const folded = root.closest("details");
    folded.addEventListener("toggle", async () => {
      if (!folded.open || root.dataset.mesh || typeof DecompressionStream !== "function") return;
      root.dataset.mesh = "building";
      const works = await build(root);
      root.dataset.mesh = works ? "ready" : "none";
    });
  });
})();
