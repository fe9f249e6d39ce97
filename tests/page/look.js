// Looks at a page as it is shown: texts that nobody can read, what stands out of its place. Returns complaints.
(() => {
	const wrong = [], rgba = (text) => text.match(/[\d.]+/g).map(Number);
	const over = (top, below) => {
		const a = top.length > 3 ? top[3] : 1;

		return [0, 1, 2].map((i) => top[i] * a + below[i] * (1 - a));
	};
	// what is behind an element: its own ground, and those of what it stands in
	const ground = (e) => {
		const layers = [];

		for (; e; e = e.parentElement)
			layers.push(rgba(getComputedStyle(e).backgroundColor));
		return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
	};
	const light = (c) => {
		const [r, g, b] = c.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);

		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const contrast = (a, b) => {
		const [x, y] = [light(a), light(b)].sort((p, q) => q - p);

		return (x + 0.05) / (y + 0.05);
	};
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	let seen = 0;

	while (walker.nextNode()) {
		const text = walker.currentNode.data.trim(), e = walker.currentNode.parentElement, style = getComputedStyle(e);

		if (!text || e.closest("title"))
			continue;
		const svg = e.closest("svg");
		const rect = svg && svg.querySelector("rect.box");
		const behind = rect ? over(rgba(getComputedStyle(rect).fill), ground(svg)) : ground(e);
		const c = contrast(over(rgba(svg ? style.fill : style.color), behind), behind);

		seen++;
		if (c < 4.5)
			wrong.push(`contrast ${c.toFixed(2)}: ${e.className.baseVal ?? e.className} ${text.slice(0, 40)}`);
		if (!svg && parseFloat(style.fontSize) < 12)
			wrong.push(`small: ${style.fontSize} ${text.slice(0, 40)}`);
	}
	if (seen < 50)
		wrong.push(`only ${seen} texts`);
	if (document.documentElement.scrollWidth > document.documentElement.clientWidth)
		wrong.push(`wider than the window: ${document.documentElement.scrollWidth}`);
	for (const t of document.querySelectorAll("svg text")) {
		const b = t.getBBox(), edge = b.x >= 540 ? 760 : 500;

		if (b.x + b.width > edge)
			wrong.push(`out of its box: ${t.textContent}`);
	}
	// boxes of the drawing do not lie upon each other
	const boxes = [...document.querySelectorAll("svg rect.in, svg a > rect:last-of-type")].map((r) => r.getBBox()).sort((a, b) => a.y - b.y);

	for (let i = 1; i < boxes.length; i++)
		if (boxes[i].y < boxes[i - 1].y + boxes[i - 1].height)
			wrong.push(`boxes ${i - 1} and ${i} of the drawing lie upon each other`);
	const svg = document.querySelector("svg"), whole = svg.getBBox();

	if (whole.x < 0 || whole.y < 0 || whole.x + whole.width > svg.viewBox.baseVal.width || whole.y + whole.height > svg.viewBox.baseVal.height)
		wrong.push("the drawing is larger than its frame");
	for (const a of document.querySelectorAll("a[href]"))
		if (!document.getElementById(a.getAttribute("href").slice(1)))
			wrong.push(`a link leads nowhere: ${a.getAttribute("href")}`);
	if (document.querySelector("script, img, iframe, object"))
		wrong.push("it has what no page has");
	return wrong;
})()
