// What xdpfc finds wrong with a rule file, as the editor shows it: the text goes to `xdpfc --check --json -`, what comes back becomes diagnostics.
const vscode = require("vscode");
const path = require("path");
const { spawn } = require("child_process");

// xdpfc counts bytes from 1, the editor UTF-16 units from 0.
function column(line, bytes) {
	return Buffer.from(line, "utf8").subarray(0, bytes - 1).toString("utf8").length;
}

function diagnostic(lines, d) {
	const line = (n) => lines[n - 1] ?? "";
	const range = new vscode.Range(d.line - 1, column(line(d.line), d.column), d.end_line - 1, column(line(d.end_line), d.end_column));
	const severity = d.severity === "error" ? vscode.DiagnosticSeverity.Error : vscode.DiagnosticSeverity.Warning;
	const made = new vscode.Diagnostic(range, d.remedy ? `${d.text}\n${d.remedy}` : d.text, severity);

	made.source = "xdpfc";
	return made;
}

function check(document, shown) {
	if (document.languageId !== "xdpf")
		return Promise.resolve();
	const compiler = vscode.workspace.getConfiguration("xdpf").get("compiler") || "xdpfc";
	const text = document.getText(), version = document.version;

	return new Promise((done) => {
		// in the file's directory, where what it includes is found
		const child = spawn(compiler, ["--check", "--json", "-"], { cwd: path.dirname(document.fileName) });
		let said = "";

		child.on("error", (e) => {
			vscode.window.showErrorMessage(`${compiler}: ${e.message}; the setting xdpf.compiler says where it is`);
			done();
		});
		child.stdin.on("error", () => {});
		child.stdout.on("data", (more) => said += more);
		child.on("close", () => {
			try {
				const lines = text.split(/\r?\n/);
				// of included files their own documents tell; a record without a line says that there are more
				const found = JSON.parse(said).filter((d) => d.file === "<stdin>" && d.line);

				if (document.version === version)
					shown.set(document.uri, found.map((d) => diagnostic(lines, d)));
			} catch (e) {
				console.error(`xdpfc: ${e.message}`);
			}
			done();
		});
		child.stdin.end(text);
	});
}

function activate(context) {
	const shown = vscode.languages.createDiagnosticCollection("xdpfc");

	context.subscriptions.push(shown, vscode.workspace.onDidOpenTextDocument((d) => check(d, shown)),
		vscode.workspace.onDidSaveTextDocument((d) => check(d, shown)), vscode.workspace.onDidCloseTextDocument((d) => shown.delete(d.uri)));
	return Promise.all(vscode.workspace.textDocuments.map((d) => check(d, shown)));
}

module.exports = { activate, check };
