/** Variables that a child process gets to see: what the system, llama.cpp and the GPU drivers need. Tokens and settings of the node stay behind. */
const passed = [
  "PATH",
  "HOME",
  "USERPROFILE",
  "USER",
  "LANG",
  "TZ",
  "TMPDIR",
  "TMP",
  "TEMP",
  "XDG_CACHE_HOME",
  "XDG_RUNTIME_DIR",
  "LD_LIBRARY_PATH",
  "DYLD_LIBRARY_PATH",
  "SystemRoot",
  "windir",
  "ProgramData",
  "NO_COLOR",
];

const passedPrefixes = [
  "LC_",
  "CUDA_",
  "NVIDIA_",
  "HIP_",
  "HSA_",
  "ROCR_",
  "GPU_",
  "VK_",
  "GGML_",
  "LLAMA_",
  "OMP_",
  "MTL_",
];

/** The part of `env` that a child process gets. */
export const childEnvironment = (env: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined && isPassed(entry[0])),
  );

const isPassed = (name: string): boolean =>
  passed.includes(name) || (passedPrefixes.some((prefix) => name.startsWith(prefix)) && !secret.test(name));

/** NVIDIA_API_KEY is no setting of a driver. */
const secret = /KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL/i;
