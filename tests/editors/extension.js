// usage: node extension.js DIRECTORY WORDS.json     the extension is loaded into a VS Code of its own, which has no more than it asks for; prints what came
const Module = require("module");
const path = require("path");
const fs = require("fs");

const [directory, words] = [path.resolve(process.argv[2]), JSON.parse(fs.readFileSync(process.argv[3], "utf8"))];
const shown = new Map(), hooks = {}, errors = [];
let compiler = "xdpfc";

class Range {
	constructor(line, column, endLine, endColumn) {
		Object.assign(this, { line, column, endLine, endColumn });
	}
}

class Diagnostic {
	constructor(range, message, severity) {
		Object.assign(this, { range, message, severity });
	}
}

const hook = (name) => (f) => (hooks[name] = f, {});
const documents = [];
const vscode = {
	Range, Diagnostic, DiagnosticSeverity: { Error: 0, Warning: 1 },
	languages: { createDiagnosticCollection: () => ({ set: (uri, list) => shown.set(uri, list), delete: (uri) => shown.delete(uri) }) },
	window: { showErrorMessage: (text) => errors.push(text) },
	workspace: {
		getConfiguration: () => ({ get: () => compiler }), textDocuments: documents,
		onDidOpenTextDocument: hook("open"), onDidSaveTextDocument: hook("save"), onDidCloseTextDocument: hook("close"),
	},
};
const load = Module._load;

Module._load = (name, ...more) => name === "vscode" ? vscode : load(name, ...more);

function document(text, languageId = "xdpf") {
	return { languageId, version: 1, uri: "a", fileName: path.resolve("a.xdpf"), getText: () => text };
}

// Which pattern of the grammar comes first at a place, as editors look for it.
function scopes(patterns, line) {
	const out = [];

	for (let at = 0; at < line.length;) {
		let best = null;

		for (const p of patterns) {
			const found = p.re.exec((p.re.lastIndex = at, line));

			if (found && found[0] && (!best || found.index < best.found.index))
				best = { p, found };
		}
		if (!best)
			break;
		const end = best.p.end ? (best.p.end.lastIndex = best.found.index + best.found[0].length, best.p.end.exec(line)) : null;
		const stop = end ? end.index + end[0].length : best.found.index + best.found[0].length;

		out.push({ name: best.p.name, text: line.slice(best.found.index, stop) });
		at = Math.max(stop, at + 1);
	}
	return out;
}

async function main() {
	const extension = require(path.join(directory, "extension.js"));
	const out = {}, colours = [];
	let looked = 0;

	documents.push(document(words.wrong));
	await extension.activate({ subscriptions: [] });
	out.found = shown.get("a").map((d) => ({ line: d.range.line, column: d.range.column, severity: d.severity, text: d.message }))
		.sort((a, b) => a.line - b.line);
	await hooks.save(document("drop if tcp;\n"));
	out.after = shown.get("a");
	hooks.close(document(""));
	out.closed = !shown.has("a");
	await hooks.open(document("no rules at all", "c"));
	out.closed = out.closed && !shown.has("a");
	compiler = "/nonexistent/xdpfc";
	await hooks.open(document("drop;"));
	out.missing = errors.join();

	const grammar = JSON.parse(fs.readFileSync(path.join(directory, "syntaxes", "xdpf.tmLanguage.json"), "utf8"));
	const patterns = grammar.patterns.map((p) => ({
		re: new RegExp(p.match ?? p.begin, "g"), end: p.end && new RegExp(p.end, "g"), name: p.name ?? p.captures[1].name,
	}));
	const parts = { verdict: "verdict", action: "action", keyword: "keyword.other", field: "field", header: "header", type: "storage.type", name: "language.name",
			label: "label", string: "string", comment: "comment", number: "numeric" };
	const expect = (line, text, group) => {
		const found = scopes(patterns, line).find((s) => s.text.replace(/:$/, "").trim() === text);

		looked++;
		if (!found || !found.name.includes(parts[group]))
			colours.push(`${text} is of ${group}, and coloured as ${found && found.name}`);
	};

	for (const [group, names] of Object.entries(words.groups))
		for (const name of names)
			expect(`( ${name} )`, name, group);
	for (const [group, text] of Object.entries(words.sample))
		expect('office: drop if ip.src in 10.0.0.0/8 and x == "x"; # drop', text, group);
	console.log(JSON.stringify({ ...out, colours, looked }));
}

main().catch((e) => {
	console.error(e);
	process.exit(1);
});
