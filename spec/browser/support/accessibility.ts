/**
 * In the page: what of it somebody could not see, reach or be told of. Contrast as WCAG 2.2 measures it (1.4.3: 4.5:1 for text, 3:1
 * where it is large; 1.4.11: 3:1 for the edge of a field), names (4.1.2), sizes of targets (2.5.8), and ids that are there once.
 */
export function inaccessible(): string[] {
  const faults: string[] = [];
  const describe = (element: Element) =>
    `${element.tagName.toLowerCase()}${element.className && typeof element.className === 'string' ? `.${element.className.trim().replace(/\s+/g, '.')}` : ''} "${element.textContent.trim().slice(0, 30)}"`;
  type Colour = readonly [red: number, green: number, blue: number, alpha: number];
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })!;
  /** Whatever way CSS has to write it. */
  const colourOf = (css: string): Colour => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = css;
    canvas.fillRect(0, 0, 1, 1);
    const [red = 0, green = 0, blue = 0, alpha = 0] = canvas.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = (front: Colour, back: Colour): Colour => {
    const mix = (one: number, other: number) => one * front[3] + other * (1 - front[3]);
    return [mix(front[0], back[0]), mix(front[1], back[1]), mix(front[2], back[2]), 1];
  };
  const backgroundOf = (element: Element): Colour => {
    const layers: Colour[] = [];
    for (let at: Element | null = element; at; at = at.parentElement) {
      layers.push(colourOf(getComputedStyle(at).backgroundColor));
      if (layers.at(-1)![3] === 1) break;
    }
    return layers.reduceRight((back, front) => over(front, back), [255, 255, 255, 1] as Colour);
  };
  const luminance = ([red, green, blue]: Colour) => {
    const linear = (value: number) =>
      value <= 10.31475 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  };
  const contrast = (css: string, back: Colour) => {
    const [light, dark] = [luminance(over(colourOf(css), back)), luminance(back)].sort((one, other) => other - one);
    return (light! + 0.05) / (dark! + 0.05);
  };
  const isSeen = (element: Element) =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) &&
    !element.closest('.visually-hidden');
  const check = (element: Element, css: string, back: Colour, least: number, what: string) => {
    const found = contrast(css, back);
    if (found < least) faults.push(`${describe(element)}: ${what} has a contrast of ${found.toFixed(2)}, not ${least}`);
  };

  for (const element of document.body.querySelectorAll('*')) {
    if (!isSeen(element) || element.closest('svg, :disabled')) continue;
    const style = getComputedStyle(element);
    const back = backgroundOf(element);
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim());
    const size = Number.parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (hasText) check(element, style.color, back, large ? 3 : 4.5, 'its text');
    if (!element.matches('input, textarea, button, a, summary, [tabindex="0"]')) continue;
    const field = element as HTMLInputElement;
    if (element.matches('input, textarea')) {
      check(element, style.color, back, 4.5, 'its text');
      check(element, getComputedStyle(element, '::placeholder').color, back, 4.5, 'its placeholder');
      check(element, style.borderTopColor, backgroundOf(element.parentElement!), 3, 'its edge');
    }
    const { width, height } = element.getBoundingClientRect();
    if (width < 24 || height < 24) faults.push(`${describe(element)}: a target of ${width} by ${height}`);
    const label = [...(field.labels ?? [])].map((one) => one.textContent).join('');
    const text = element.matches('input, textarea, [role=log]') ? '' : element.textContent;
    const name = (element.getAttribute('aria-label') ?? '') + label + text;
    if (name.trim() === '') faults.push(`${describe(element)}: it has no name`);
  }
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
  for (const id of new Set(ids)) if (ids.filter((one) => one === id).length > 1) faults.push(`#${id} is there twice`);
  for (const attribute of ['aria-describedby', 'aria-labelledby', 'for']) {
    for (const element of document.querySelectorAll(`[${attribute}]`)) {
      for (const id of element.getAttribute(attribute)!.split(' ')) {
        if (!ids.includes(id)) faults.push(`${describe(element)}: ${attribute} names #${id}, which is not there`);
      }
    }
  }
  if (document.querySelectorAll('h1').length !== 1) faults.push('there is not one first heading');
  if (document.querySelectorAll('main').length !== 1) faults.push('there is not one main part');
  if (document.documentElement.scrollWidth > innerWidth) faults.push('it is wider than the window');
  return faults;
}
