/** Folders of the npm packages that `inputs`, paths of source files, come from; a package inside another one's folder counts for itself. */
export const bundledPackages = (inputs: readonly string[]): string[] => {
  const folders = inputs.flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(input)?.[0] ?? []);
  return [...new Set(folders)].sort();
};
