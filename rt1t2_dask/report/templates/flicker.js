"use strict";
const switchPictures = (figure) => {
  const images = [...figure.querySelectorAll("img")];
  const at = images.findIndex((image) => !image.hidden);
  const next = (at + 1) % images.length;
  images.forEach((image, k) => { image.hidden = k !== next; });
  figure.querySelector("[data-name]").textContent = images[next].dataset.shown;
};
const switchAll = (root) => root.querySelectorAll("figure[data-pair]").forEach(switchPictures);
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-switch]");
  if (button) switchPictures(button.closest("figure"));
});
const typing = (event) => event.target.closest("input, select, textarea")
  || event.ctrlKey || event.metaKey || event.altKey;
document.addEventListener("keydown", (event) => {
  if (event.key === "f" && !typing(event)) { switchAll(document); event.preventDefault(); }
});
