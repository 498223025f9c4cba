(() => {
  "use strict";
  const links = [...document.querySelectorAll("nav a[href^='#']")];
  const sections = links.map((link) => document.getElementById(link.hash.slice(1)));

  const mark = () => {
    const line = window.innerHeight / 3;
    const passed = sections.filter((section) => section.getBoundingClientRect().top <= line);
    const end = window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 2;
    const now = end && window.scrollY > 0 ? sections.at(-1) : passed.at(-1);
    links.forEach((link, k) => {
      if (sections[k] === now) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    });
  };

  document.querySelectorAll(".figures figure").forEach((figure) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "enlarge";
    button.textContent = "Enlarge";
    button.addEventListener("click", () => {
      button.textContent = figure.classList.toggle("large") ? "Make smaller" : "Enlarge";
      figure.scrollIntoView({ block: "nearest" });
    });
    figure.querySelector("figcaption").append(" ", button);
  });

  const open = () => {
    const closed = document.querySelectorAll("details[data-print]:not([open])");
    closed.forEach((one) => { one.open = true; one.dataset.print = "opened"; });
  };
  const close = () => {
    document.querySelectorAll("details[data-print='opened']").forEach((one) => {
      one.open = false;
      one.dataset.print = "";
    });
  };

  window.addEventListener("beforeprint", open);
  window.addEventListener("afterprint", close);
  window.addEventListener("scroll", mark, { passive: true });
  window.addEventListener("resize", mark);
  mark();
})();
