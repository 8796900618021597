/** Something that is inside what we ship and did not come as an npm package. */
export interface Component {
  name: string;
  /** SPDX expression. */
  license: string;
  url: string;
}

/** A component whose license stands in a file of its sources: from the line that holds `from` to the next that holds `to`, where it is not the whole file. */
export interface VendoredComponent extends Component {
  file: string;
  from?: string;
  to?: string;
}

/** What the native libraries and the bridge are made of; `file` is below llama.cpp's sources. */
export const llamaComponents: readonly VendoredComponent[] = [
  { name: "llama.cpp and ggml", license: "MIT", url: "https://github.com/ggml-org/llama.cpp", file: "LICENSE" },
  {
    name: "llamafile's matrix multiplication (tinyBLAS)",
    license: "MIT",
    url: "https://github.com/Mozilla-Ocho/llamafile",
    file: "ggml/src/ggml-cpu/llamafile/sgemm.cpp",
    from: "Copyright 2024 Mozilla Foundation",
    to: "// SOFTWARE.",
  },
  {
    name: "JSON for Modern C++",
    license: "MIT",
    url: "https://github.com/nlohmann/json",
    file: "licenses/LICENSE-jsonhpp",
  },
  {
    name: "cpp-httplib",
    license: "MIT",
    url: "https://github.com/yhirose/cpp-httplib",
    file: "vendor/cpp-httplib/LICENSE",
  },
  {
    name: "stb_image",
    license: "MIT OR Unlicense",
    url: "https://github.com/nothings/stb",
    file: "vendor/stb/stb_image.h",
    from: "This software is available under 2 licenses",
  },
  {
    name: "miniaudio",
    license: "Unlicense OR MIT-0",
    url: "https://github.com/mackron/miniaudio",
    file: "vendor/miniaudio/miniaudio.h",
    from: "This software is available as a choice of the following licenses",
  },
  {
    name: "xxHash",
    license: "BSD-2-Clause",
    url: "https://github.com/Cyan4973/xxHash",
    file: "vendor/hash/xxhash/LICENSE",
  },
  {
    name: "rotate-bits",
    license: "MIT",
    url: "https://github.com/jb55/rotate-bits.h",
    file: "vendor/hash/rotate-bits/LICENSE.md",
  },
  {
    name: "sha256.c",
    license: "LicenseRef-Public-Domain",
    url: "https://github.com/jb55/sha256.c",
    file: "vendor/hash/sha256/LICENSE",
  },
];

/** What Bun's executable is linked of, as its own LICENSE.md lists it; of a choice of licenses, the one that suits. */
export const bunComponents: readonly Component[] = [
  { name: "JavaScriptCore (WebKit)", license: "LGPL-2.0-only", url: "https://github.com/oven-sh/WebKit" },
  { name: "BoringSSL", license: "OpenSSL AND ISC", url: "https://boringssl.googlesource.com/boringssl" },
  { name: "Brotli", license: "MIT", url: "https://github.com/google/brotli" },
  { name: "libarchive", license: "BSD-2-Clause", url: "https://github.com/libarchive/libarchive" },
  { name: "lol-html", license: "BSD-3-Clause", url: "https://github.com/cloudflare/lol-html" },
  { name: "ls-hpack", license: "MIT", url: "https://github.com/litespeedtech/ls-hpack" },
  { name: "ls-qpack", license: "MIT", url: "https://github.com/litespeedtech/ls-qpack" },
  { name: "lsquic", license: "MIT AND BSD-3-Clause", url: "https://github.com/litespeedtech/lsquic" },
  { name: "mimalloc", license: "MIT", url: "https://github.com/microsoft/mimalloc" },
  { name: "picohttpparser", license: "MIT", url: "https://github.com/h2o/picohttpparser" },
  { name: "Zstandard", license: "BSD-3-Clause", url: "https://github.com/facebook/zstd" },
  { name: "simdutf", license: "Apache-2.0", url: "https://github.com/simdutf/simdutf" },
  { name: "TinyCC", license: "LGPL-2.1-only", url: "https://github.com/oven-sh/tinycc" },
  { name: "uSockets", license: "Apache-2.0", url: "https://github.com/uNetworking/uSockets" },
  { name: "uWebSockets", license: "Apache-2.0", url: "https://github.com/uNetworking/uWebSockets" },
  { name: "zlib-ng", license: "Zlib", url: "https://github.com/zlib-ng/zlib-ng" },
  { name: "c-ares", license: "MIT", url: "https://github.com/c-ares/c-ares" },
  { name: "ICU", license: "Unicode-3.0", url: "https://github.com/unicode-org/icu" },
  { name: "base64", license: "BSD-2-Clause", url: "https://github.com/aklomp/base64" },
  { name: "libuv", license: "MIT", url: "https://github.com/libuv/libuv" },
  { name: "libdeflate", license: "MIT", url: "https://github.com/ebiggers/libdeflate" },
  {
    name: "libjpeg-turbo",
    license: "BSD-3-Clause AND IJG AND Zlib",
    url: "https://github.com/libjpeg-turbo/libjpeg-turbo",
  },
  { name: "libspng", license: "BSD-2-Clause", url: "https://github.com/randy408/libspng" },
  { name: "libwebp", license: "BSD-3-Clause", url: "https://chromium.googlesource.com/webm/libwebp" },
  { name: "Highway", license: "Apache-2.0", url: "https://github.com/google/highway" },
  { name: "uucode", license: "MIT", url: "https://github.com/jacobsandlund/uucode" },
  { name: "TigerBeetle's IO code", license: "Apache-2.0", url: "https://github.com/tigerbeetle/tigerbeetle" },
  {
    name: "LLVM's libc++abi",
    license: "Apache-2.0",
    url: "https://github.com/llvm/llvm-project",
  },
];
