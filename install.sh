#!/bin/sh
# Installs llmlb, or a newer one over an old one:
#   curl -fsSL https://github.com/llmlb/llmlb/releases/latest/download/install.sh | sh
# "sh install.sh --help" tells what can be set. Nothing runs before the last line, so a script that was cut on its way does nothing.
#
# What it makes below the folder DIR (~/.local):
#   bin/llmlb              a symbolic link to lib/llmlb/VERSION/llmlb; replacing it is the one moment at which the version changes
#   lib/llmlb/VERSION/     the release; the one before it stays for "llmlb upgrade --rollback"
#   lib/llmlb/install.json what is installed, for "llmlb upgrade"
#   lib/llmlb/.lock        a link whose target is the process id of whoever changes all this ("llmlb upgrade" too)
#   lib/llmlb/.staging/    what is not finished; belongs to the holder of the lock
set -u

usage() {
  cat <<'END'
Installs llmlb for this user. Asks nothing and needs no root.

Usage: install.sh [flags]        or: curl -fsSL .../install.sh | sh -s -- [flags]

Flags, and the variables that say the same:
  --version V        LLMLB_VERSION         a certain version (default: the newest)
  --dir DIR          LLMLB_INSTALL_DIR     where to: DIR/bin and DIR/lib (default: ~/.local)
  --url URL          LLMLB_DOWNLOAD_URL    a mirror of the releases (default: https://github.com/llmlb/llmlb/releases)
  --backend B        LLMLB_BACKEND         auto, cpu, vulkan or cuda: which GPU libraries to add (default: auto)
  --no-modify-path   LLMLB_NO_MODIFY_PATH  leaves the shell's files alone
  --uninstall                              removes llmlb; models (~/.llmlb) stay
  --help                                   this

Proxies are taken from http_proxy, https_proxy, all_proxy and no_proxy.
END
}

marker='# added by the install script of llmlb'

# --- words -----------------------------------------------------------------------------------------------------------

# What happens: on a terminal only. What went wrong or has to be known: always.
say() { if [ "$verbose" = yes ]; then printf '%s\n' "$*" >&2; fi; }
note() { printf '%s\n' "$*" >&2; }
die() {
  printf 'llmlb install: %s\n' "$*" >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# --- settings --------------------------------------------------------------------------------------------------------

read_settings() {
  action=install
  version=${LLMLB_VERSION:-}
  dir=${LLMLB_INSTALL_DIR:-${HOME:+$HOME/.local}}
  url=${LLMLB_DOWNLOAD_URL:-https://github.com/llmlb/llmlb/releases}
  backend=${LLMLB_BACKEND:-auto}
  modify_path=yes
  case ${LLMLB_NO_MODIFY_PATH:-} in '' | 0 | false) ;; *) modify_path=no ;; esac
  while [ $# -gt 0 ]; do
    case $1 in
      --version | --dir | --url | --backend)
        [ $# -ge 2 ] || die "$1 needs a value; see --help"
        set_option "$1" "$2"
        shift
        ;;
      --version=* | --dir=* | --url=* | --backend=*) set_option "${1%%=*}" "${1#*=}" ;;
      --no-modify-path) modify_path=no ;;
      --uninstall) action=uninstall ;;
      --help | -h) action=help ;;
      *) die "unknown flag \"$1\"; see --help" ;;
    esac
    shift
  done
}

set_option() {
  case $1 in
    --version) version=$2 ;;
    --dir) dir=$2 ;;
    --url) url=$2 ;;
    --backend) backend=$2 ;;
  esac
}

check_settings() {
  verbose=no
  if [ -t 2 ] && ! in_ci; then verbose=yes; fi
  [ -n "$dir" ] || die "HOME is not set: name a folder in LLMLB_INSTALL_DIR"
  case $dir in *:* | *"
"*) die "the folder \"$dir\" cannot stand in PATH: choose another with LLMLB_INSTALL_DIR" ;; esac
  case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
  dir=${dir%/}
  bin=$dir/bin
  lib=$dir/lib/llmlb
  version=${version#v}
  is_version "${version:-0}" || die "\"$version\" is no version; expected one such as 1.2.3"
  url=${url%/}
  case $url in
    https://*) protocols='=https' ;;
    http://*) protocols='=http,https' ;; # whoever runs the mirror chose it
    *) die "LLMLB_DOWNLOAD_URL has to begin with https:// (or http://, for a mirror in your own network)" ;;
  esac
  case $backend in auto | cpu | vulkan | cuda) ;; *) die "unknown backend \"$backend\"; expected auto, cpu, vulkan or cuda" ;; esac
}

in_ci() { case ${CI:-} in '' | 0 | false) return 1 ;; esac }

is_version() { case $1 in [0-9]*) case $1 in *[!0-9A-Za-z.+-]*) return 1 ;; esac ;; *) return 1 ;; esac }

# --- the machine -----------------------------------------------------------------------------------------------------

# Sets `target`, as the archives name it.
find_target() {
  os=$(uname -s)
  machine=$(uname -m)
  case $os in
    Linux) os=linux ;;
    Darwin) os=darwin ;;
    MINGW* | MSYS* | CYGWIN*) die "on Windows, use install.ps1" ;;
    *) die "there is no release for $os; llmlb can be built from source" ;;
  esac
  case $machine in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) die "there is no release for $machine processors; llmlb can be built from source" ;;
  esac
  # A shell that runs under Rosetta thinks it is on an Intel machine.
  if [ "$os-$arch" = darwin-x64 ] && [ "$(sysctl -n hw.optional.arm64 2>/dev/null)" = 1 ]; then arch=arm64; fi
  target=$os-$arch
  [ "$os" = linux ] || return 0
  [ "$(getconf LONG_BIT 2>/dev/null || echo 64)" = 64 ] || die "this system has 32 bits; llmlb needs 64"
  check_libc
  if [ "$arch" = x64 ] && ! grep -qw avx2 /proc/cpuinfo 2>/dev/null; then target=linux-x64-baseline; fi
}

# llama.cpp's libraries are made for glibc 2.34 and the C++ library of GCC 12 (symbol versions read from the packs with objdump).
check_libc() {
  libc=$(ldd --version 2>&1 | head -n 1)
  case $libc in
    *musl*) die "this system has musl, and llama.cpp's libraries need glibc: use a system or an image with glibc 2.34 or newer" ;;
  esac
  glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null)
  glibc=${glibc#glibc }
  [ -n "$glibc" ] || glibc=${libc##* }
  case $glibc in
    [0-9]*.[0-9]*) is_at_least "$glibc" 2 34 || die "this system has glibc $glibc, and llmlb needs 2.34 or newer (Debian 12, Ubuntu 22.04, RHEL 9)" ;;
  esac
  libraries=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null)
  stdcpp=$(path_of_library libstdc++.so.6)
  if [ -n "$libraries" ] && [ -z "$stdcpp" ]; then
    note "llmlb install: warning: libstdc++.so.6 is missing; models need it (Debian: apt install libstdc++6)"
  elif [ -n "$stdcpp" ] && ! grep -q 'GLIBCXX_3\.4\.30' "$stdcpp" 2>/dev/null; then
    die "$stdcpp is too old: llmlb needs that of GCC 12 or newer (GLIBCXX_3.4.30)"
  fi
}

# Is version $1 (2.36) at least $2.$3?
is_at_least() {
  major=${1%%.*}
  minor=${1#*.}
  minor=${minor%%[!0-9]*}
  [ "$major" -gt "$2" ] || { [ "$major" -eq "$2" ] && [ "$minor" -ge "$3" ]; }
}

# Where the system's loader finds a library of this processor; nothing where it does not.
path_of_library() {
  printf '%s\n' "$libraries" | sed -n "s|^[[:space:]]*$1 (.*64.*) => ||p" | head -n 1
}

has_nvidia() { [ -e /proc/driver/nvidia/version ] || { has nvidia-smi && nvidia-smi -L >/dev/null 2>&1; }; }
has_amd() { grep -qs '^0x1002' /sys/class/drm/card*/device/vendor; }
has_library() {
  if [ -n "$(path_of_library "$1")" ]; then return 0; fi
  (
    IFS=:
    for folder in ${LD_LIBRARY_PATH:-}; do
      if [ -e "$folder/$1" ]; then exit 0; fi
    done
    exit 1
  )
}

# Sets `addons` to the GPU libraries to fetch: what was asked for, else what an earlier installation has, else what the machine can use.
# CUDA's own libraries are not part of the add-on (half a gigabyte): without them NVIDIA's GPUs are used through Vulkan.
choose_addons() {
  addons=
  case $backend in
    cpu) return 0 ;;
    vulkan | cuda) addons=$backend ;;
    auto)
      [ "$os" = linux ] || return 0 # on a Mac the libraries have Metal
      addons=$(receipt_addons)
      [ -z "$addons" ] || return 0
      if ! has_nvidia && ! has_amd; then return 0; fi
      if has_nvidia && has_library libcudart.so.13 && has_library libcublas.so.13; then
        addons=cuda
      elif has_library libvulkan.so.1; then
        addons=vulkan
      else
        note "llmlb install: there is a GPU but no Vulkan loader: install it (Debian: apt install libvulkan1), then run: llmlb gpu install"
      fi
      ;;
  esac
}

# --- downloads -------------------------------------------------------------------------------------------------------

find_tools() {
  for tool in tar gzip sed grep mv ln rm mkdir readlink; do has "$tool" || die "$tool is missing"; done
  for hasher in sha256sum shasum openssl none; do has "$hasher" && break; done
  [ "$hasher" != none ] || die "sha256sum, shasum or openssl is needed to verify what is downloaded: install one of them"
  if has curl; then
    downloader=curl
  elif has wget && wget --version 2>/dev/null | grep -q 'GNU Wget'; then
    downloader=wget
  elif has wget && [ "$protocols" != '=https' ]; then
    downloader=small-wget
  else
    # BusyBox's wget does not look at certificates.
    die "curl or GNU wget is needed: install one of them"
  fi
}

# fetch URL FILE
fetch() {
  case $downloader in
    curl)
      if [ "$verbose" = yes ]; then look='-#'; else look=-sS; fi
      curl -fL "$look" --proto "$protocols" --tlsv1.2 --retry 3 --connect-timeout 20 \
        --speed-limit 1024 --speed-time 60 -o "$2" "$1" >&2
      ;;
    wget) wget -q --tries=3 --timeout=60 -O "$2" "$1" ;;
    small-wget) wget -q -O "$2" "$1" ;; # it may know no more flags than these
  esac || die "could not download $1"
}

sha256_of() {
  case $hasher in
    sha256sum) sum=$(sha256sum <"$1") ;;
    shasum) sum=$(shasum -a 256 <"$1") ;;
    openssl) sum=$(openssl dgst -sha256 -r <"$1") ;;
  esac || return 1
  printf '%s' "${sum%% *}"
}

# The checksum that the release gives for a file; nothing where it does not have that file.
listed_sum() {
  while read -r sum name || [ -n "$sum" ]; do
    if [ "${name#\*}" = "$1" ]; then printf '%s' "$sum"; fi
  done <"$staging/SHA256SUMS"
}

# fetch_verified FILE: downloads a file of the release into the staging folder and holds it to its checksum.
fetch_verified() {
  wanted=$(listed_sum "$1")
  [ -n "$wanted" ] || die "the release has no $1 (SHA256SUMS does not name it)"
  case $wanted in *[!0-9a-f]*) die "SHA256SUMS has no valid checksum for $1" ;; esac
  [ ${#wanted} -eq 64 ] || die "SHA256SUMS has no valid checksum for $1"
  say "downloading $1"
  fetch "$url/download/v$version/$1" "$staging/$1"
  got=$(sha256_of "$staging/$1")
  [ "$got" = "$wanted" ] || die "$1 is not what the release says (sha256 $got, expected $wanted); nothing was installed"
}

# Sets `version` where none was asked for: the one that the newest release's files are named after.
fetch_sums() {
  if [ -n "$version" ]; then
    fetch "$url/download/v$version/SHA256SUMS" "$staging/SHA256SUMS"
    return
  fi
  fetch "$url/latest/download/SHA256SUMS" "$staging/SHA256SUMS"
  while read -r _ name || [ -n "$name" ]; do
    name=${name#\*}
    case $name in
      llmlb-*-gpu-*) ;;
      llmlb-*-"$target".tar.gz)
        version=${name#llmlb-}
        version=${version%-"$target".tar.gz}
        ;;
    esac
  done <"$staging/SHA256SUMS"
  is_version "${version:-none}" || die "the newest release has nothing for $target"
}

# unpack FILE FOLDER: FOLDER is the archive's one top folder; `unpacked` is where it lies then.
unpack() {
  mkdir -p "$staging/unpacked"
  tar -x -z -o -f "$staging/$1" -C "$staging/unpacked" >&2 || die "could not unpack $1; is the disk full? ($dir)"
  rm -f "$staging/$1"
  unpacked=$staging/unpacked/$2
  [ -d "$unpacked" ] || die "$1 does not hold the folder $2"
}

# --- what is installed -----------------------------------------------------------------------------------------------

receipt_field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$lib/install.json" 2>/dev/null; }
receipt_addons() { sed -n 's/.*"addons":\[\([^]]*\)\].*/\1/p' "$lib/install.json" 2>/dev/null | sed 's/[",]/ /g; s/^ *//; s/ *$//'; }

# The version that bin/llmlb starts; nothing where there is none of ours.
current_version() {
  link=$(readlink "$bin/llmlb" 2>/dev/null) || return 0
  case $link in */lib/llmlb/*/llmlb)
    link=${link%/llmlb}
    printf '%s' "${link##*/}"
    ;;
  esac
}

refuse_foreign() {
  if [ -e "$bin/llmlb" ] || [ -L "$bin/llmlb" ]; then
    [ -n "$(current_version)" ] || die "$bin/llmlb is not from this script: remove it first, or choose another folder with LLMLB_INSTALL_DIR"
  fi
}

# Whoever holds the lock may delete what lies in the staging folder.
lock() {
  { mkdir -p "$bin" "$lib" 2>/dev/null && [ -w "$bin" ]; } || die_unwritable
  if ! ln -s "$$" "$lib/.lock" 2>/dev/null; then
    holder=$(readlink "$lib/.lock" 2>/dev/null) || die_unwritable
    ! kill -0 "$holder" 2>/dev/null || die "another installation or upgrade is running (process $holder)"
    rm -f "$lib/.lock" # of one that was killed
    ln -s "$$" "$lib/.lock" 2>/dev/null || die_unwritable
  fi
  locked=yes
  staging=$lib/.staging
  rm -rf "$staging"
  mkdir "$staging" || die_unwritable
}

die_unwritable() { die "cannot write to $dir: choose another folder with LLMLB_INSTALL_DIR"; }

unlock() {
  [ "$locked" = yes ] || return 0
  rm -rf "$staging" "$bin/.llmlb.new"
  rm -f "$lib/.lock"
  locked=no
  rmdir "$lib" "$dir/lib" 2>/dev/null # what is empty was made for nothing
  return 0
}

# --- steps -----------------------------------------------------------------------------------------------------------

fetch_release() {
  archive=llmlb-$version-$target
  fetch_verified "$archive.tar.gz"
  unpack "$archive.tar.gz" "$archive"
  fresh=$unpacked
  choose_addons
  for addon in $addons; do
    # The libraries of a GPU are the same for processors with and without AVX2.
    addon_archive=llmlb-$version-gpu-$addon-${target%-baseline}
    if [ "$backend" = auto ] && [ -z "$(listed_sum "$addon_archive.tar.gz")" ]; then
      note "llmlb install: this release has no $addon libraries for $target; models run on the processor"
      continue
    fi
    fetch_verified "$addon_archive.tar.gz"
    unpack "$addon_archive.tar.gz" "$addon_archive"
    mv "$unpacked"/native/* "$fresh/native/" || die "$addon_archive.tar.gz does not fit $archive.tar.gz"
    added="$added${added:+,}\"$addon\""
  done
}

try_release() {
  printed=$("$fresh/llmlb" --version </dev/null 2>&1)
  [ "$printed" = "llmlb $version" ] ||
    die "the new llmlb does not run here (\"llmlb --version\" said: $printed); nothing was installed"
}

# The swap: everything before it can be interrupted and leaves the old version as it is, everything after it leaves the new one.
activate() {
  old=$(current_version)
  previous=$old
  if [ "$old" = "$version" ]; then previous=$(receipt_field previous); fi
  # A power cut must not leave a link to files that never reached the disk.
  sync -f "$fresh" 2>/dev/null || sync
  place || die "cannot write to $lib; is the disk full?"
  rm -f "$bin/.llmlb.new"
  ln -s "../lib/llmlb/$version/llmlb" "$bin/.llmlb.new" || die "cannot write to $bin"
  # Where bin itself is a link to somewhere else, ".." is not what it seems.
  [ -x "$bin/.llmlb.new" ] || { rm -f "$bin/.llmlb.new" && ln -s "$lib/$version/llmlb" "$bin/.llmlb.new"; } || die "cannot write to $bin"
  mv -f "$bin/.llmlb.new" "$bin/llmlb" || die "cannot write to $bin"
  write_receipt || die "cannot write to $lib; is the disk full?"
  remove_older
}

# Moves the release to its name. Where that version is there already its files are replaced one by one, so that none is missing for a moment.
place() {
  if [ -e "$lib/$version" ]; then
    (cd "$fresh" && find . -type f) | while read -r file; do
      mkdir -p "$lib/$version/${file%/*}" && mv -f "$fresh/$file" "$lib/$version/$file" || exit 1
    done
  else
    # Renamed first: "mv" onto a folder that somebody made meanwhile would move into it.
    mv "$fresh" "$staging/$version" && mv "$staging/$version" "$lib/"
  fi
}

write_receipt() {
  printf '{"schema":1,"method":"install.sh","version":"%s","previous":"%s","target":"%s","addons":[%s]}\n' \
    "$version" "$previous" "$target" "$added" >"$staging/install.json" &&
    mv -f "$staging/install.json" "$lib/install.json"
}

# Keeps this version, the one before it, and those that a process still runs from.
remove_older() {
  for old_dir in "$lib"/*/; do
    old_dir=${old_dir%/}
    name=${old_dir##*/}
    if [ "$name" = "$version" ] || [ "$name" = "$previous" ] || ! [ -f "$old_dir/llmlb" ]; then continue; fi
    real=$(cd "$old_dir" && pwd -P)
    # shellcheck disable=SC2010,SC2012 # the names are numbers, and readlink would be started for each of them
    if ls -l /proc/[0-9]*/exe 2>/dev/null | grep -qF " -> $real/"; then continue; fi
    rm -rf "$old_dir"
  done
}

# --- PATH ------------------------------------------------------------------------------------------------------------

# In single quotes for a shell: '\'' is a quote in all of them.
quoted() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"; }

# Sets `rc_file` and `rc_line` for the user's shell; empty for one that is not known.
choose_rc() {
  word=$(quoted "$bin")
  rc_line="case \":\$PATH:\" in *:$word:*) ;; *) export PATH=$word:\"\$PATH\" ;; esac $marker"
  case ${SHELL##*/} in
    zsh) rc_file=${ZDOTDIR:-$HOME}/.zshrc ;;
    fish)
      rc_file=${XDG_CONFIG_HOME:-$HOME/.config}/fish/conf.d/llmlb.fish
      rc_line="contains -- $word \$PATH; or set -gx PATH $word \$PATH $marker"
      ;;
    bash)
      rc_file=$HOME/.bashrc
      # Terminals of a Mac open login shells, and a bash reads only the first of these files then.
      [ "$os" = linux ] || for rc_file in .bash_profile .bash_login .profile .bash_profile; do
        rc_file=$HOME/$rc_file
        [ ! -e "$rc_file" ] || break
      done
      ;;
    *) rc_file= ;;
  esac
}

set_path() {
  if [ -n "${GITHUB_PATH:-}" ]; then
    printf '%s\n' "$bin" >>"$GITHUB_PATH" || note "llmlb install: could not write to GITHUB_PATH"
    return
  fi
  case ":$PATH:" in *:"$bin":*) return ;; esac
  rc_file=
  if [ "$modify_path" = yes ] && [ -n "${HOME:-}" ] && [ -n "${SHELL:-}" ] && ! in_ci; then choose_rc; fi
  if [ -n "$rc_file" ] && mkdir -p "${rc_file%/*}" 2>/dev/null && add_line 2>/dev/null; then
    note "added $bin to PATH in $rc_file; open a new terminal, or run: export PATH=$(quoted "$bin"):\"\$PATH\""
  else
    note "$bin is not in PATH; add it: export PATH=$(quoted "$bin"):\"\$PATH\""
  fi
}

add_line() {
  if grep -qF "$rc_line" "$rc_file" 2>/dev/null; then return 0; fi
  printf '\n%s\n' "$rc_line" >>"$rc_file"
}

# Takes our lines back. A file that is a link (to a folder of settings, mostly) is its owner's to change.
remove_lines() {
  [ -n "${HOME:-}" ] || return 0
  rm -f "${XDG_CONFIG_HOME:-$HOME/.config}/fish/conf.d/llmlb.fish"
  for rc_file in "${ZDOTDIR:-$HOME}/.zshrc" "$HOME/.bashrc" "$HOME/.bash_profile" "$HOME/.bash_login" "$HOME/.profile"; do
    grep -qF "$marker" "$rc_file" 2>/dev/null || continue
    if [ -L "$rc_file" ] || ! cp -p "$rc_file" "$rc_file.llmlb" ||
      ! grep -vF "$marker" "$rc_file" >"$rc_file.llmlb" || ! mv -f "$rc_file.llmlb" "$rc_file"; then
      rm -f "$rc_file.llmlb"
      note "llmlb install: please remove the line of llmlb from $rc_file"
    fi
  done
}

warn_of_others() {
  found=$(command -v llmlb 2>/dev/null) || return 0
  [ "$found" = "$bin/llmlb" ] || note "llmlb install: warning: \"llmlb\" in your PATH is $found, another one"
}

# --- actions ---------------------------------------------------------------------------------------------------------

uninstall() {
  if [ ! -e "$lib" ] && [ ! -L "$bin/llmlb" ]; then die "llmlb is not installed in $dir"; fi
  [ "$(receipt_field method)" = install.sh ] || die "$lib is not from this script; nothing was removed"
  refuse_foreign
  lock
  { rm -f "$bin/llmlb" && rm -rf "$lib"; } || die "cannot remove all of $lib"
  remove_lines
  unlock
  note "llmlb is removed; models and settings are still in ~/.llmlb"
}

install() {
  find_tools
  find_target
  refuse_foreign
  lock
  added=
  fetch_sums
  fetch_release
  try_release
  activate
  unlock
  set_path
  warn_of_others
  if [ -n "$old" ] && [ "$old" != "$version" ]; then
    printf 'llmlb %s is installed in %s (it was %s; a server that is running keeps that until it is restarted)\n' "$version" "$dir" "$old"
  else
    printf 'llmlb %s is installed in %s\n' "$version" "$dir"
  fi
}

main() {
  locked=no
  trap unlock EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  read_settings "$@"
  if [ "$action" = help ]; then
    usage
    return
  fi
  check_settings
  "$action"
}

# Any beginning of this line that is shorter than all of it is a syntax error.
{ main "$@"; }
