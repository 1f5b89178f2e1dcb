// A libnvidia-ml.so.1 of two cards, for the tests: really loaded, really called. What it plays is in the file
// that FAKE_NVML names: "healthy", "lost", "hangs", "no-driver".
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <unistd.h>

namespace {

bool plays(const char* what) {
  char text[64] = {0};
  const char* path = getenv("FAKE_NVML");
  FILE* file = path ? fopen(path, "r") : nullptr;
  if (!file) return false;
  if (!fgets(text, sizeof text, file)) text[0] = 0;
  fclose(file);
  return strncmp(text, what, strlen(what)) == 0;
}
long number(void* device) {
  return reinterpret_cast<long>(device) - 1;
}

struct pci {
  char legacy[16];
  unsigned domain, bus, device, id, subsystem;
  char bus_id[32];
};
struct process {
  unsigned pid;
  unsigned long long used;
  unsigned gi, ci;
};

}  // namespace

extern "C" {

int nvmlInit_v2(void) {
  return plays("no-driver") ? 9 : 0;
}
const char* nvmlErrorString(int error) {
  return error == 9 ? "Driver Not Loaded" : "Unknown Error";
}
int nvmlSystemGetDriverVersion(char* out, unsigned size) {
  snprintf(out, size, "535.161.08");
  return 0;
}
int nvmlDeviceGetCount_v2(unsigned* out) {
  while (plays("hangs")) usleep(1000);
  *out = 2;
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** out) {
  if (index == 1 && plays("lost")) return 15;
  *out = reinterpret_cast<void*>(static_cast<long>(index) + 1);
  return 0;
}
int nvmlDeviceGetUUID(void* d, char* out, unsigned size) {
  snprintf(out, size, "GPU-0000000%ld-aaaa", number(d));
  return 0;
}
int nvmlDeviceGetName(void* d, char* out, unsigned size) {
  (void)d;
  snprintf(out, size, "NVIDIA A10G");
  return 0;
}
int nvmlDeviceGetPciInfo_v3(void* d, struct pci* out) {
  snprintf(out->bus_id, 32, "0000000%d:65:0%ld.0", 0, number(d));
  return 0;
}
int nvmlDeviceGetMemoryInfo(void* d, unsigned long long* out) {
  (void)d;
  out[0] = 24000000000ULL;
  out[1] = 2000000000ULL;
  out[2] = 22000000000ULL;
  return 0;
}
int nvmlDeviceGetUtilizationRates(void* d, unsigned* out) {
  (void)d;
  out[0] = 97;
  out[1] = 50;
  return 0;
}
int nvmlDeviceGetTemperature(void* d, int sensor, unsigned* out) {
  (void)d;
  (void)sensor;
  *out = 71;
  return 0;
}
int nvmlDeviceGetTemperatureThreshold(void* d, int which, unsigned* out) {
  (void)d;
  *out = which == 1 ? 95 : 98;
  return 0;
}
int nvmlDeviceGetPowerUsage(void* d, unsigned* out) {
  (void)d;
  *out = 250500;
  return 0;
}
int nvmlDeviceGetEnforcedPowerLimit(void* d, unsigned* out) {
  (void)d;
  *out = 300000;
  return 0;
}
int nvmlDeviceGetTotalEccErrors(void* d, int type, int counter, unsigned long long* out) {
  if (number(d) == 1) return 3;  // not supported
  *out = type == 1 && counter == 0 ? 2 : 999;
  return 0;
}
int nvmlDeviceGetCurrentClocksThrottleReasons(void* d, unsigned long long* out) {
  (void)d;
  *out = 0x4 | 0x40 | 0x8;
  return 0;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void* d, unsigned* count, struct process* out) {
  if (number(d) == 1) {
    *count = 5000;
    return 7;
  }
  *count = 2;
  out[0].pid = 4711;
  out[0].used = 21000000000ULL;
  out[1].pid = 4712;
  out[1].used = ~0ULL;
  return 0;
}
}
