#pragma once
#include <string>

/** llama.cpp's log: lines up to a level go to stderr, the newest errors are kept as the reason of a failure. */
namespace llmlb {

/** Takes llama.cpp's log over. `level`: 0 nothing, 1 errors, 2 warnings, 3 information, 4 debug. */
void installLog(int level);

/** The error lines since the last call, joined by "; " (the newest few); empty if there was none. */
std::string takeLogErrors();

}  // namespace llmlb
