import tseslint from "typescript-eslint";

const impure = ["fs", "fs/promises", "child_process", "net", "tls", "http", "https", "dns", "os", "process"].flatMap(
	(name) => [name, `node:${name}`],
);
const clients = ["execa", "ky"];
const outside = ["**/access/**", "**/gather.ts", "**/commands/**", "**/fix/**"];
const facts = ["**/facts/**"];
/** What comes after the facts are known. */
const later = ["commands/**", "fix/**", "report/**", "diagnose.ts", "cli.ts", "main.ts"].map((name) => `**/${name}`);

/** Forbids imports: exact module names in `paths`, globs over the import text in `group`; of `shapes` only types may pass. */
const mayNotImport = (message, { paths = [], group = [], shapes = [] }) => ({
	"no-restricted-imports": "off",
	"@typescript-eslint/no-restricted-imports": [
		"error",
		{
			paths: paths.map((name) => ({ name, message })),
			patterns: [
				...(group.length > 0 ? [{ group, message }] : []),
				...(shapes.length > 0 ? [{ group: shapes, message, allowTypeImports: true }] : []),
			],
		},
	],
});

const noClockNoProcess = {
	"no-restricted-globals": ["error", "process", "console", "fetch", "setTimeout", "setInterval", "performance"],
	"no-restricted-syntax": [
		"error",
		{ selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: "Pure code is told the time." },
		{ selector: "MemberExpression[object.name='Date'][property.name='now']", message: "Pure code is told the time." },
		{ selector: "MemberExpression[object.name='Math'][property.name='random']", message: "Pure code is repeatable." },
		{ selector: "ImportExpression", message: "Pure code has nothing to load later." },
	],
};

export default tseslint.config(
	{ ignores: ["dist", "dist.new", "node_modules", "coverage"] },
	...tseslint.configs.strictTypeChecked,
	...tseslint.configs.stylisticTypeChecked,
	{
		languageOptions: { parserOptions: { projectService: { allowDefaultProject: ["*.js"] } } },
		linterOptions: { reportUnusedDisableDirectives: "error" },
		rules: {
			"no-console": "error",
			"no-empty": ["error", { allowEmptyCatch: false }],
			"no-restricted-properties": [
				"error",
				{ object: "process", property: "exit", message: "Only main.ts ends the process." },
			],
			eqeqeq: "error",
			"@typescript-eslint/consistent-type-imports": "error",
			"@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
			"@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
		},
	},
	{
		files: ["checks/**/*.ts"],
		// Knows no check, only where each one is.
		ignores: ["checks/directory.ts"],
		rules: {
			...mayNotImport("A check is knowledge and one pure function: facts in, verdict out.", {
				paths: [...impure, ...clients, "chalk", "commander"],
				group: [...outside, "**/report/**", "**/cli.ts", "**/main.ts"],
				shapes: facts,
			}),
			...noClockNoProcess,
			"@typescript-eslint/consistent-type-assertions": ["error", { assertionStyle: "never" }],
		},
	},
	{
		files: [
			"src/addresses.ts",
			"src/anonymize/**/*.ts",
			"src/baseline.ts",
			"src/go-yaml.ts",
			"src/check.ts",
			"src/compare.ts",
			"src/diagnose.ts",
			"src/explain/**/*.ts",
			"src/report/**/*.ts",
			"src/knowledge/**/*.ts",
			"src/texts.ts",
		],
		rules: {
			...mayNotImport("Pure code: no input, no output.", {
				paths: [...impure, ...clients, "commander"],
				group: [...outside, "**/cli.ts", "**/main.ts"],
				shapes: facts,
			}),
			...noClockNoProcess,
		},
	},
	{
		files: ["src/facts/**/*.ts"],
		rules: mayNotImport("A probe asks through access/, and knows nothing of checks, commands or reports.", {
			paths: [...impure, ...clients, "chalk", "commander"],
			group: ["**/checks/**", ...later],
		}),
	},
	{
		files: ["src/access/**/*.ts"],
		rules: mayNotImport("Access reaches the world; what the answer means is decided elsewhere.", {
			paths: ["chalk", "commander"],
			group: ["**/checks/**", ...facts, ...later],
		}),
	},
	{
		files: ["src/fix/**/*.ts"],
		rules: {
			...mayNotImport("A fix changes the world only by the hands that it is given, and looks only by the check.", {
				paths: [...impure, ...clients, "@clack/prompts", "chalk", "commander"],
				group: ["**/checks/**", "**/commands/**", "**/facts/**", "**/gather.ts", "**/cli.ts", "**/main.ts"],
				shapes: ["**/access/**"],
			}),
			...noClockNoProcess,
		},
	},
	{
		files: ["src/commands/**/*.ts"],
		rules: mayNotImport("A command is told how the world is reached; it does not reach out itself.", {
			paths: [...impure, ...clients],
			group: ["**/main.ts", "**/cli.ts"],
		}),
	},
	{ files: ["src/main.ts", "test/**/*.ts"], rules: { "no-console": "off", "no-restricted-properties": "off" } },
	{
		files: ["test/**/*.ts"],
		rules: { "@typescript-eslint/no-non-null-assertion": "off" },
	},
	{
		files: ["*.js", "*.config.ts"],
		...tseslint.configs.disableTypeChecked,
	},
);
