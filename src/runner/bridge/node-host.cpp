// On Windows an import names the file that it comes from. Node-API comes from whatever executable has loaded the bridge, so the imports of
// "node.exe" are delayed (windows.cmake) and answered with that executable.
#if defined(_WIN32)

#include <windows.h>
// Needs windows.h.
#include <delayimp.h>

static FARPROC WINAPI answerNode(unsigned event, DelayLoadInfo* import) {
  if (event != dliNotePreLoadLibrary || _stricmp(import->szDll, "node.exe") != 0) return nullptr;
  return reinterpret_cast<FARPROC>(GetModuleHandleW(nullptr));
}

decltype(__pfnDliNotifyHook2) __pfnDliNotifyHook2 = answerNode;

#endif
