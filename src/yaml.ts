/** For whoever loads the parser only when there is YAML to parse: bundled, the package itself shows no names to `import()`. */
export { parse } from "yaml";
