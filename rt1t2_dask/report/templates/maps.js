  const HEIGHT_STEPS = 20;
  const ARRAYS = { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array };

  const unpack = async (element) => {
    const packed = Uint8Array.from(atob(element.textContent.trim()), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).arrayBuffer();
  };

  const codes = async (script, bits) => {
    const bytes = new Uint8Array(await unpack(script));
    const length = (8 * bytes.length) / bits;
    const found = new ARRAYS[bits](length);
    for (let k = 0; k < length; k += 1) {
      let step = 0;
      for (let plane = bits / 8 - 1; plane >= 0; plane -= 1) step = 256 * step + bytes[k + plane * length];
      found[k] = step + (k ? found[k - 1] : 0);
    }
    return found;
  };

  const mix = (ends, share) => {
    const place = Math.min(Math.max(share, 0), 1) * (ends.length - 1);
    const k = Math.min(Math.floor(place), ends.length - 2);
    return [1, 3, 5].map((at) => {
      const [a, b] = [ends[k], ends[k + 1]].map((hex) => parseInt(hex.slice(at, at + 2), 16));
      return Math.round(a + (b - a) * (place - k));
    });
  };

  const valueOf = (map, index) => {
    const code = map.codes[index];
    return code ? map.low + (code - 1) * map.step : NaN;
  };

  const textOf = (map, value) => value.toFixed(map.digits);

  const colourOf = (map, colours, index, grey) => {
    const { signed, height, largest } = map;
    const value = valueOf(map, index);
    const size = signed ? Math.abs(value) : value;
    if (!(size > height)) return [grey, grey, grey];
    return mix(value > 0 ? colours.hot : colours.cold, (size - height) / (largest - height || 1));
  };

  const raise = (map, by) => {
    const step = 10 ** Math.floor(Math.log10(map.largest / HEIGHT_STEPS));
    map.height = Math.min(Math.max(map.height + by * step, 0), map.largest);
  };

  const showBar = (root, map, colours) => {
    const { largest, height, signed, symbol, unit } = map;
    const ends = { hot: [height, largest], cold: [-largest, -height] };
    root.querySelectorAll("[data-side]").forEach((side) => {
      const [low, high] = ends[side.dataset.side];
      const own = [...colours[side.dataset.side]];
      if (side.dataset.side === "cold") own.reverse();
      side.hidden = side.dataset.side === "cold" && !signed;
      const [first, last] = side.querySelectorAll("b");
      first.textContent = textOf(map, low);
      last.textContent = textOf(map, high);
      side.querySelector("i").style.background = `linear-gradient(to right, ${own.join(", ")})`;
    });
    const named = unit ? `${symbol} (${unit})` : symbol;
    root.querySelector("[data-bar] em").textContent = named;
    const below = signed ? `${textOf(map, -largest)} to ${textOf(map, -height)} and ` : "";
    const said = `Colours: ${named}, ${below}${textOf(map, height)} to ${textOf(map, largest)}`;
    root.querySelector("[data-bar]").setAttribute("aria-label", said);
    root.querySelector("[data-symbol]").textContent = signed ? `|${symbol}|` : symbol;
    root.querySelector("[data-shown]").textContent = textOf(map, height);
    const slider = root.querySelector("[data-height]");
    slider.max = largest;
    slider.value = height;
  };
