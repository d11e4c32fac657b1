// What every look loads. The build puts this and all that it imports into one chunk: each file more costs Node half a
// millisecond at every start, and esbuild parts them by who shares what.
import "../checks/steps.ts";
import "./access/world.ts";
import "./check.ts";
import "./commands/again.ts";
import "./commands/examine.ts";
import "./commands/look.ts";
import "./commands/reports.ts";
import "./commands/select.ts";
import "./diagnose.ts";
import "./errors.ts";
import "./facts/environment.ts";
import "./gather.ts";
import "./report/human.ts";
import "./shell.ts";
import "./texts.ts";
