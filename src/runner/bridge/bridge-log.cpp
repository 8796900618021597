#include "bridge-log.h"

#include <llama.h>
#include <log.h>
#include <mtmd-helper.h>

#include <cstdio>
#include <deque>
#include <mutex>

namespace llmlb {
namespace {

constexpr size_t kErrorsKept = 4;        // llama.cpp says a failure in two or three lines, the last ones least exactly
constexpr size_t kLineBytesMax = 4096;   // a broken model file can put anything into a message

struct LogState {
  std::mutex mutex;
  int level = 0;
  ggml_log_level lineLevel = GGML_LOG_LEVEL_NONE;
  std::string line;
  std::deque<std::string> errors;
};

// Never destroyed: llama.cpp logs from static destructors too.
LogState& state() {
  static LogState* instance = new LogState();
  return *instance;
}

int severity(ggml_log_level level) {
  switch (level) {
    case GGML_LOG_LEVEL_ERROR: return 1;
    case GGML_LOG_LEVEL_WARN: return 2;
    case GGML_LOG_LEVEL_INFO: return 3;
    default: return 4;
  }
}

void endLine(LogState& log) {
  if (log.line.empty()) return;
  if (severity(log.lineLevel) <= log.level) {
    std::fputs(log.line.c_str(), stderr);
    std::fputc('\n', stderr);
  }
  if (log.lineLevel == GGML_LOG_LEVEL_ERROR) {
    log.errors.push_back(log.line);
    if (log.errors.size() > kErrorsKept) log.errors.pop_front();
  }
  log.line.clear();
}

void onLog(ggml_log_level level, const char* text, void*) {
  LogState& log = state();
  std::lock_guard lock(log.mutex);
  if (level != GGML_LOG_LEVEL_CONT) {
    endLine(log);
    log.lineLevel = level;
  }
  for (const char* c = text; *c != '\0'; c++) {
    if (*c == '\n') endLine(log);
    else if (log.line.size() < kLineBytesMax) log.line.push_back(*c);
  }
}

}  // namespace

void installLog(int level) {
  {
    std::lock_guard lock(state().mutex);
    state().level = level;
  }
  llama_log_set(onLog, nullptr);
  mtmd_helper_log_set(onLog, nullptr);
  // common/ has a log of its own that prints prompts and answers at its warning level: silent unless all is asked for.
  common_log_set_verbosity_thold(level >= 4 ? LOG_LEVEL_DEBUG : -1);
}

std::string takeLogErrors() {
  LogState& log = state();
  std::lock_guard lock(log.mutex);
  endLine(log);
  std::string joined;
  for (const auto& line : log.errors) joined += (joined.empty() ? "" : "; ") + line;
  log.errors.clear();
  return joined;
}

}  // namespace llmlb
