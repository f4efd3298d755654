// What Python packed: JSON, zlib-compressed. See widgets/packed_trace.py.

/**
 * @param {DataView | null} packed a bytes trait
 * @returns {Promise<any>} null where there is nothing
 */
export async function unpacked(packed) {
  if (!packed?.byteLength) return null;
  const bytes = new Uint8Array(packed.buffer, packed.byteOffset, packed.byteLength);
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(inflated).json();
}

/** Microseconds as `850 µs`, `12 ms`, `1.8 s`, `4 min 10 s` or `3 h 12 min`. */
export function duration(us) {
  if (us === null || us === undefined) return "";
  if (us < 1e3) return `${us} µs`;
  if (us < 9950) return `${(us / 1e3).toFixed(1)} ms`;
  if (us < 999_500) return `${(us / 1e3).toFixed(0)} ms`;
  if (us < 59_950_000) return `${(us / 1e6).toFixed(1)} s`;
  const seconds = Math.round(us / 1e6);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1440).toLocaleString("en")} d ${Math.floor(minutes / 60) % 24} h`;
}
