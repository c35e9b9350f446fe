// What travels packed: gzip, then 91 characters of which two carry 13 bits (see pack.rs).
const DIGITS = new Map();
for (let code = 33; code < 127; code++) if (!"<>&".includes(String.fromCharCode(code))) DIGITS.set(code, DIGITS.size);

function bytesOf(text) {
  const bytes = new Uint8Array((text.length * 13) >> 4);
  let held = 0, bits = 0, length = 0;
  for (let at = 0; at < text.length; at += 2) {
    const low = DIGITS.get(text.charCodeAt(at));
    const single = at + 1 === text.length;
    held = single ? (held << 6) | low : (held << 13) | (low + 91 * DIGITS.get(text.charCodeAt(at + 1)));
    bits += single ? 6 : 13;
    for (; bits >= 8; held &= (1 << bits) - 1) bytes[length++] = held >> (bits -= 8);
  }
  return bytes.subarray(0, length);
}

function unpacked(id) {
  if (!("DecompressionStream" in window)) throw new Error("it cannot unpack them");
  const bytes = bytesOf(document.getElementById(id).textContent);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}
