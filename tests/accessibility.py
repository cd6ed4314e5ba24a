"""What a reader with other eyes needs, measured in the browser: contrast, headings in order, names of pictures."""

CONTRAST = """(() => {
  const linear = v => v <= 10 ? v / 255 / 12.92 : ((v / 255 + .055) / 1.055) ** 2.4;
  const bright = c => { const f = c.map(linear);
    return .2126 * f[0] + .7152 * f[1] + .0722 * f[2]; };
  const parse = s => { const m = s.match(/[\\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3]));
  const paper = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
  const ground = e => e ? over(parse(getComputedStyle(e).backgroundColor), ground(e.parentElement)) : paper;
  const faint = new Set(), walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement, text = walk.currentNode.textContent.trim();
    if (!text || e.closest("script, style, svg") || !e.checkVisibility()) continue;
    const style = getComputedStyle(e), behind = ground(e), size = parseFloat(style.fontSize);
    const [dark, light] = [bright(over(parse(style.color), behind)), bright(behind)].sort((a, b) => a - b);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if ((light + .05) / (dark + .05) < (large ? 3 : 4.5)) faint.add(text.slice(0, 40));
  }
  return [...faint];
})()"""
HEADINGS = """(() => {
  const levels = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map(h => +h.tagName[1]);
  const descend = levels.every((n, i) => !i || n <= levels[i - 1] + 1);
  return levels[0] === 1 && levels.filter(n => n === 1).length === 1 && descend;
})()"""
UNNAMED = """[...document.querySelectorAll("img, svg[role=img], canvas[role=img]")]
  .filter(e => !(e.alt || e.getAttribute("aria-label"))).map(e => e.outerHTML.slice(0, 80))"""


def faults(page):
    """Texts below the contrast of WCAG 2.1 AA (4.5; 3 if large), headings out of order, pictures without a name."""
    found = [f"faint: {text}" for text in page.evaluate(CONTRAST)]
    found += [] if page.evaluate(HEADINGS) else ["headings out of order"]
    return found + [f"unnamed: {picture}" for picture in page.evaluate(UNNAMED)]
