/* NVIDIA's management library with two GPUs: a whole one, and a slice that tells little. Failures as the real one words them. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { SUCCESS = 0, INVALID = 2, NOT_SUPPORTED = 3, INSUFFICIENT_SIZE = 7 };
typedef struct { int index; } Device;
static Device devices[2] = {{0}, {1}};
static int running = 0;

int nvmlInit_v2(void) { running++; return SUCCESS; }
int nvmlShutdown(void) { running--; return SUCCESS; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return running ? SUCCESS : 1; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device **device) {
  if (index > 1) return INVALID;
  *device = &devices[index];
  return SUCCESS;
}
int nvmlDeviceGetName(Device *device, char *name, unsigned length) {
  const char *text = device->index == 0 ? "NVIDIA Stub 9000" : "NVIDIA Stub slice";
  if (length <= strlen(text)) return INSUFFICIENT_SIZE;
  strcpy(name, text);
  return SUCCESS;
}
typedef struct { uint64_t total, free, used; } Memory;
int nvmlDeviceGetMemoryInfo(Device *device, Memory *memory) {
  if (device->index == 1) return NOT_SUPPORTED;
  *memory = (Memory){24ull << 30, 6ull << 30, 18ull << 30};
  return SUCCESS;
}
typedef struct { unsigned gpu, memory; } Rates;
int nvmlDeviceGetUtilizationRates(Device *device, Rates *rates) {
  if (device->index == 1) return NOT_SUPPORTED;
  *rates = (Rates){42, 17};
  return SUCCESS;
}
int nvmlDeviceGetTemperature(Device *device, unsigned sensor, unsigned *degrees) {
  if (device->index == 1 || sensor != 0) return NOT_SUPPORTED;
  *degrees = 61;
  return SUCCESS;
}
typedef struct { char legacy[16]; unsigned domain, bus, device, id, subsystem; char text[32]; } Pci;
int nvmlDeviceGetPciInfo_v3(Device *device, Pci *pci) {
  memset(pci, 0xff, sizeof *pci);
  pci->domain = 0;
  pci->bus = device->index == 0 ? 0x65 : 0xca;
  pci->device = 0;
  snprintf(pci->text, sizeof pci->text, "00000000:%02X:00.0", pci->bus);
  return SUCCESS;
}
