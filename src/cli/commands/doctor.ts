import type { DoctorReport, Finding, FindingLevel } from "../../api/doctor.ts";
import { command } from "../command.ts";
import { toJson } from "../ui/json.ts";
import { printable } from "../ui/printable.ts";

export const doctor = command({
  args: {
    verify: { type: "boolean", description: "Read every stored file and compare its sha256" },
    offline: { type: "boolean", description: "Ask nobody on the internet" },
    json: { type: "boolean", description: "Print JSON" },
  },
  examples: ["llmlb doctor", "llmlb doctor --verify", "llmlb doctor --offline --json"],
  async run({ verify, offline, json }, { stdout, colors, environment }) {
    const { examine } = await import("../../doctor/examine.ts");
    const findings: Finding[] = [];
    const paint = colors && stdout.isTty ? coloured : plain;
    for await (const finding of examine({ env: environment, verify, offline })) {
      findings.push(finding);
      if (!json) await stdout.write(line(finding, paint));
    }
    const report: DoctorReport = {
      problems: countOf(findings, "problem"),
      warnings: countOf(findings, "warning"),
      findings,
    };
    await stdout.write(json ? toJson(report) : `${summary(report)}\n`);
    return report.problems > 0 ? 1 : 0;
  },
});

const colours: Readonly<Record<FindingLevel, number>> = { ok: 32, warning: 33, problem: 31 };

const plain = (_level: FindingLevel, text: string): string => text;
const coloured = (level: FindingLevel, text: string): string => `\x1b[${colours[level]}m${text}\x1b[0m`;

/** `problem  store       the file is missing; pull it again`. */
const line = ({ check, level, text, advice }: Finding, paint: typeof plain): string =>
  `${paint(level, level.padEnd(7))}  ${check.padEnd(10)}  ${printable(text)}${advice ? `; ${printable(advice)}` : ""}\n`;

const countOf = (findings: readonly Finding[], level: FindingLevel): number =>
  findings.filter((finding) => finding.level === level).length;

const summary = ({ problems, warnings }: DoctorReport): string =>
  `${counted(problems, "problem")}, ${counted(warnings, "warning")}`;

const counted = (count: number, what: string): string => `${count || "no"} ${what}${count === 1 ? "" : "s"}`;
