#pragma once
#include <cstdint>

namespace llmlb {

/**
 * CPU time of this process's compute threads, in microseconds: what the process has used, without the thread that made the
 * clock where that can be told apart (Linux). A step whose threads got less than its wall time shared their cores with others.
 */
class CpuClock {
 public:
  /** Call it on the JavaScript thread. */
  CpuClock();
  int64_t nowUs() const;

 private:
  /** Of the JavaScript thread; -1 = unknown. */
  int javascript_ = -1;
};

}  // namespace llmlb
