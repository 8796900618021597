#include "cpu-clock.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <pthread.h>
#include <time.h>
#endif

namespace llmlb {

#if defined(_WIN32)

CpuClock::CpuClock() = default;

int64_t CpuClock::nowUs() const {
  FILETIME created, ended, kernel, user;
  if (!GetProcessTimes(GetCurrentProcess(), &created, &ended, &kernel, &user)) return 0;
  const auto ticks = [](const FILETIME& time) {
    return static_cast<int64_t>(time.dwHighDateTime) << 32 | static_cast<int64_t>(time.dwLowDateTime);
  };
  return (ticks(kernel) + ticks(user)) / 10;
}

#else

namespace {

int64_t microseconds(clockid_t clock) {
  timespec time{};
  return clock_gettime(clock, &time) == 0 ? static_cast<int64_t>(time.tv_sec) * 1'000'000 + time.tv_nsec / 1000 : 0;
}

}  // namespace

CpuClock::CpuClock() {
#if defined(__linux__)
  clockid_t clock = 0;
  if (pthread_getcpuclockid(pthread_self(), &clock) == 0) javascript_ = clock;
#endif
}

int64_t CpuClock::nowUs() const {
  return microseconds(CLOCK_PROCESS_CPUTIME_ID) - (javascript_ == -1 ? 0 : microseconds(javascript_));
}

#endif

}  // namespace llmlb
