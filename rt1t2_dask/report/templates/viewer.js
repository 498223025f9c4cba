(() => {
  "use strict";
  const ZOOM = 3;
  const FAR = 5;
  const SIDES = [["P", "A"], ["L", "R"], ["L", "R"]];

{% include "maps.js" %}

  class Viewer {
    constructor(root, grey, scripts, first) {
      this.root = root;
      this.grey = grey;
      this.set = JSON.parse(root.querySelector("[data-settings]").textContent);
      this.maps = scripts.map((script) => ({ script, ...JSON.parse(script.dataset.map) }));
      this.map = this.maps[0];
      this.map.codes = first;
      this.place = this.nearest(this.set.start);
      this.planes = [...root.querySelectorAll("canvas")].map((canvas) => this.plane(canvas));
      this.controls();
      this.draw();
    }

    nearest(point) {
      return point.map((mm, a) => {
        const index = Math.round((mm - this.set.low[a]) / this.set.step);
        return Math.min(Math.max(index, 0), this.set.shape[a] - 1);
      });
    }

    millimetres(axis) {
      return this.set.low[axis] + this.set.step * this.place[axis];
    }

    at([x, y, z]) {
      const [nx, ny] = this.set.shape;
      return x + nx * (y + ny * z);
    }

    plane(canvas) {
      const axis = Number(canvas.dataset.axis);
      const [across, up] = [0, 1, 2].filter((other) => other !== axis);
      canvas.width = this.set.shape[across] * ZOOM;
      canvas.height = this.set.shape[up] * ZOOM;
      canvas.parentElement.style.flex = `${this.set.shape[across]} 1 ${2.4 * this.set.shape[across]}px`;
      const plane = { canvas, axis, across, up };
      const drag = (event) => event.pointerType !== "touch" && event.buttons && this.point(plane, event);
      canvas.addEventListener("pointerdown", drag);
      canvas.addEventListener("pointermove", drag);
      canvas.addEventListener("click", (event) => this.point(plane, event));
      canvas.addEventListener("keydown", (event) => this.key(plane, event));
      canvas.addEventListener("wheel", (event) => this.wheel(plane, event), { passive: false });
      return plane;
    }

    step(axis, by) {
      this.place[axis] = Math.min(Math.max(this.place[axis] + by, 0), this.set.shape[axis] - 1);
    }

    key({ axis, across, up }, event) {
      const by = event.shiftKey ? FAR : 1;
      const moves = {
        ArrowLeft: () => this.step(across, -by),
        ArrowRight: () => this.step(across, by),
        ArrowUp: () => this.step(up, by),
        ArrowDown: () => this.step(up, -by),
        PageUp: () => this.step(axis, by),
        PageDown: () => this.step(axis, -by),
        Home: () => { this.place = this.nearest(this.set.start); },
        "+": () => raise(this.map, 1),
        "-": () => raise(this.map, -1),
      };
      if (!moves[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      moves[event.key]();
      this.draw();
    }

    wheel({ canvas, axis }, event) {
      if (document.activeElement !== canvas || event.ctrlKey) return;
      event.preventDefault();
      this.step(axis, -Math.sign(event.deltaY));
      this.draw();
    }

    async choose(index) {
      const map = this.maps[index];
      map.codes ??= await codes(map.script, map.bits);
      this.map = map;
      this.draw();
    }

    go(point) {
      this.place = this.nearest(point);
      this.draw();
    }

    rows() {
      const rows = [...this.root.closest("section").querySelectorAll("tr[data-place-mm]")];
      rows.forEach((row) => {
        const head = row.querySelector("th");
        const button = document.createElement("button");
        button.type = "button";
        button.className = "go";
        button.textContent = head.textContent;
        button.title = "Show it in the viewer";
        head.replaceChildren(button);
        row.addEventListener("click", () => {
          const folded = this.root.closest("details");
          if (folded) folded.open = true;
          rows.forEach((other) => other.removeAttribute("aria-current"));
          row.setAttribute("aria-current", "true");
          this.go(JSON.parse(row.dataset.placeMm));
          this.planes[2].canvas.focus({ preventScroll: true });
          this.root.scrollIntoView({ block: "nearest" });
        });
      });
    }

    point({ canvas, across, up }, event) {
      const box = canvas.getBoundingClientRect();
      const share = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      const [nx, ny] = [this.set.shape[across], this.set.shape[up]];
      this.place[across] = Math.min(Math.max(Math.floor(share[0] * nx), 0), nx - 1);
      this.place[up] = Math.min(Math.max(ny - 1 - Math.floor(share[1] * ny), 0), ny - 1);
      this.draw();
    }

    controls() {
      this.sliders = [...this.root.querySelectorAll("[data-place]")];
      this.sliders.forEach((slider, axis) => {
        slider.max = this.set.low[axis] + this.set.step * (this.set.shape[axis] - 1);
        slider.min = this.set.low[axis];
        slider.step = this.set.step;
        slider.addEventListener("input", () => {
          this.place[axis] = Math.round((slider.value - this.set.low[axis]) / this.set.step);
          this.draw();
        });
      });
      const height = this.root.querySelector("[data-height]");
      height.addEventListener("input", () => {
        this.map.height = Number(height.value);
        this.draw();
      });
      const choice = this.root.querySelector("[data-choice]");
      choice.append(...this.maps.map((map, k) => new Option(map.words, k)));
      choice.addEventListener("change", () => this.choose(Number(choice.value)));
      this.root.querySelectorAll("[data-peak]").forEach((button) => {
        button.addEventListener("click", () => {
          this.go(JSON.parse(button.dataset.peak));
        });
      });
      this.rows();
    }

    slice({ axis, across, up }) {
      const [width, height] = [this.set.shape[across], this.set.shape[up]];
      const image = new ImageData(width, height);
      const voxel = [0, 0, 0];
      voxel[axis] = this.place[axis];
      for (let v = 0; v < height; v += 1) {
        for (let h = 0; h < width; h += 1) {
          voxel[across] = h;
          voxel[up] = height - 1 - v;
          const at = this.at(voxel);
          image.data.set([...colourOf(this.map, this.set, at, this.grey[at]), 255], 4 * (h + width * v));
        }
      }
      return image;
    }

    draw() {
      this.planes.forEach((plane) => this.paint(plane));
      this.sliders.forEach((slider, axis) => { slider.value = this.millimetres(axis); });
      showBar(this.root, this.map, this.set);
      const value = valueOf(this.map, this.at(this.place));
      const found = Number.isNaN(value) ? "not measured" : `${this.map.symbol} = ${textOf(this.map, value)}`;
      const where = [0, 1, 2].map((axis) => this.millimetres(axis)).join(" ");
      this.root.querySelector("[data-readout]").textContent = `${where} mm: ${found}`;
    }

    paint(plane) {
      const { canvas, across, up, axis } = plane;
      const image = this.slice(plane);
      const small = new OffscreenCanvas(image.width, image.height);
      small.getContext("2d").putImageData(image, 0, 0);
      const pen = canvas.getContext("2d");
      pen.imageSmoothingEnabled = false;
      pen.drawImage(small, 0, 0, canvas.width, canvas.height);
      const x = (this.place[across] + 0.5) * ZOOM;
      const y = (image.height - this.place[up] - 0.5) * ZOOM;
      this.cross(pen, x, y);
      this.words(pen, SIDES[axis]);
      canvas.setAttribute("aria-label", `${["Sagittal", "Coronal", "Axial"][axis]} slice at ${this.millimetres(axis)} mm`);
    }

    cross(pen, x, y) {
      const { width, height } = pen.canvas;
      pen.strokeStyle = "#ffffff";
      pen.lineWidth = 1;
      pen.beginPath();
      [[0, y, x - 9, y], [x + 9, y, width, y], [x, 0, x, y - 9], [x, y + 9, x, height]].forEach(([a, b, c, d]) => {
        pen.moveTo(a, b);
        pen.lineTo(c, d);
      });
      pen.stroke();
    }

    words(pen, [left, right]) {
      const { width, height } = pen.canvas;
      pen.font = "bold 15px sans-serif";
      pen.textAlign = "center";
      pen.strokeStyle = "#000000";
      pen.lineWidth = 4;
      pen.lineJoin = "round";
      const marks = [[left, 12, 18, "#ffffff"], [right, width - 12, 18, "#ffffff"], [this.set.mark, width / 2, height - 8, "#ffd166"]];
      marks.forEach(([text, x, y, colour]) => {
        pen.fillStyle = colour;
        pen.strokeText(text, x, y);
        pen.fillText(text, x, y);
      });
    }
  }

  const start = async () => {
    const grey = await codes(document.getElementById("anatomy"), 8);
    const shared = [...document.querySelectorAll("body > [data-map]")];
    for (const root of document.querySelectorAll("[data-viewer]")) {
      const scripts = [...root.querySelectorAll("[data-map]"), ...shared];
      new Viewer(root, grey, scripts, await codes(scripts[0], JSON.parse(scripts[0].dataset.map).bits));
    }
    document.documentElement.dataset.viewers = "ready";
  };

  if (typeof DecompressionStream === "function") start();
})();
