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

function unpacked(id) {
  if (!("DecompressionStream" in window)) throw new Error("it cannot unpack them");
  const stream = new Blob([bytesOf(document.getElementById(id).textContent)]).stream();
  return new Response(stream.pipeThrough(new DecompressionStream("gzip"))).text();
}
