// What mdBook's pages lack for those who use a keyboard or a screen reader.
"use strict";

// The table of contents is opened by a label that is announced as nothing and cannot be reached.
const contents = document.getElementById("mdbook-sidebar-toggle");
if (contents) {
  contents.setAttribute("role", "button");
  contents.tabIndex = 0;
  contents.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      contents.click();
    }
  });
}

// A box that scrolls sideways takes the focus, so that the arrow keys can move it.
function markScrollers() {
  const boxes = ".content pre, .content pre > code, .content .table-wrapper, .content div.nb-output";
  for (const box of document.querySelectorAll(boxes)) {
    if (box.scrollWidth > box.clientWidth && box.clientWidth > 0) {
      box.tabIndex = 0;
    } else {
      box.removeAttribute("tabindex");
    }
  }
}

// mdBook turns the page at left and right, wherever the focus is.
function keepArrows(event) {
  const sideways = event.key === "ArrowLeft" || event.key === "ArrowRight";
  if (sideways && event.target.closest(".content [tabindex='0']")) {
    event.stopPropagation();
  }
}

markScrollers();
document.querySelector(".content")?.addEventListener("keydown", keepArrows);
window.addEventListener("resize", markScrollers);
// A fold's own width is known once it is open. `toggle` does not bubble, hence the capture.
document.addEventListener("toggle", markScrollers, true);
