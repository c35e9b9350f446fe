"use strict";
// What travels packed: gzip, then seven bits a character (see pack.rs).
function bytesOf(text) {
  const bytes = new Uint8Array((text.length * 7) >> 3);
  for (let at = 0, held = 0, bits = 0, length = 0; at < text.length; at++) {
    held = (held << 7) | (text.charCodeAt(at) & 127);
    bits += 7;
    if (bits >= 8) bytes[length++] = held >> (bits -= 8);
    held &= (1 << bits) - 1;
  }
  return bytes;
}

async function unpacked(id) {
  if (!("DecompressionStream" in window)) throw new Error("it cannot unpack them");
  const stream = new Blob([bytesOf(document.getElementById(id).textContent)]).stream();
  return new Response(stream.pipeThrough(new DecompressionStream("gzip"))).text();
}

// Runs a packed script as if it had stood in the page.
async function run(id) {
  const script = document.createElement("script");
  script.textContent = await unpacked(id);
  document.head.append(script);
}

function failed(error) {
  const said = document.getElementById("no-plots");
  said.textContent =
    "The plots cannot be drawn in this browser (" + error.message + "). The table has every figure.";
  said.hidden = false;
  for (const section of document.querySelectorAll(".plots, .tools")) section.hidden = true;
}

document.documentElement.classList.add("js");
if (document.getElementById("cells")) run("code").catch(failed);
