import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const { CI } = process.env;

export default defineConfig({
	test: {
		include: ["test/**/*.test.ts"],
		globalSetup: ["test/support/build.ts"],
		setupFiles: ["test/support/temporary.ts"],
		testTimeout: 20_000,
		maxWorkers: availableParallelism(),
		// Some tests measure time, and the machines of CI are shared. What fails each time is broken; the report shows each retry.
		retry: CI === undefined ? 0 : 2,
	},
});
