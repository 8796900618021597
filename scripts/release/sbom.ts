import type { PackageFacts } from "./licenses.ts";
import { bunComponents, type Component, llamaComponents } from "./native-components.ts";

interface BomComponent {
  "bom-ref": string;
  type: string;
  name: string;
  version?: string;
  [field: string]: unknown;
}

/** The part of CycloneDX 1.5 that we touch. */
export interface Bom {
  metadata: { timestamp: string; tools?: unknown; component: BomComponent; [field: string]: unknown };
  components: BomComponent[];
  dependencies: { ref: string; dependsOn: string[] }[];
  serialNumber?: string;
  [field: string]: unknown;
}

interface BundledVersions {
  bun: string;
  llama: string;
}

const toBomComponent = (of: string, ofVersion: string, component: Component): BomComponent => ({
  "bom-ref": `${of}/${component.name}`,
  type: "library",
  name: component.name,
  licenses: [{ expression: component.license }],
  externalReferences: [{ type: "vcs", url: component.url }],
  properties: [{ name: "llmlb:partOf", value: `${of} ${ofVersion}` }],
});

const byRef = (a: string, b: string): number => (a < b ? -1 : 1);

/** What is inside the executable and the libraries and is no npm package. */
const nativeParts = ({ bun, llama }: BundledVersions): BomComponent[] => [
  {
    "bom-ref": `bun@${bun}`,
    type: "platform",
    name: "bun",
    version: bun,
    purl: `pkg:npm/bun@${bun}`,
    licenses: [{ license: { id: "MIT" } }],
  },
  {
    "bom-ref": `llama.cpp@${llama}`,
    type: "library",
    name: "llama.cpp",
    version: llama,
    purl: `pkg:github/ggml-org/llama.cpp@${llama}`,
    licenses: [{ license: { id: "MIT" } }],
  },
  ...bunComponents.map((component) => toBomComponent("bun", bun, component)),
  ...llamaComponents.slice(1).map((component) => toBomComponent("llama.cpp", llama, component)),
];

const npmPart = ({ name, version, license }: PackageFacts): BomComponent => ({
  "bom-ref": `${name}@${version}`,
  type: "library",
  name,
  version,
  purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
  licenses: [{ expression: license }],
});

/**
 * Makes what `npm sbom` printed the bill of a release: without what differs from run to run and from machine to machine, of llmlb instead of
 * a folder's name, with Bun, llama.cpp, and those of the `bundled` packages that npm counts as development's.
 */
export const releaseBom = (bom: Bom, time: Date, versions: BundledVersions, bundled: readonly PackageFacts[]): Bom => {
  const { serialNumber: _, ...rest } = bom;
  const listed = new Set(bom.components.map((one) => one["bom-ref"]));
  const added = [...nativeParts(versions), ...bundled.map(npmPart)].filter((one) => !listed.has(one["bom-ref"]));
  const { component } = bom.metadata;
  return {
    ...rest,
    metadata: {
      ...bom.metadata,
      timestamp: time.toISOString(),
      tools: [{ vendor: "npm", name: "cli" }],
      component: { ...component, type: "application", name: "llmlb" },
    },
    components: [...bom.components, ...added].sort((a, b) => byRef(a["bom-ref"], b["bom-ref"])),
    dependencies: bom.dependencies
      .map(({ ref, dependsOn }) => ({
        ref,
        dependsOn: [...dependsOn, ...(ref === component["bom-ref"] ? added.map((one) => one["bom-ref"]) : [])].sort(
          byRef,
        ),
      }))
      .sort((a, b) => byRef(a.ref, b.ref)),
  };
};
