// Deaths that no traceback tells of, each from a line as the world writes it.
#include "daemon/local/console.h"
#include "tests/local/reading.h"
#include "tests/support/catch.h"

namespace redflag::daemon::local {
namespace {

std::string cause_kind(const std::string& log) {
  Heard heard;
  ConsoleReader reader(heard.sink());
  reader.feed("Starting\n  2%|2         | 10/500 [00:02<01:30,  4.50it/s]\n" + log + "\n");
  reader.finish();
  const LastWords words = reader.last_words();
  return words.cause ? words.cause->kind : "none";
}

}  // namespace

TEST_CASE("each way to die has its name", "[local][console]") {
  const std::pair<const char*, const char*> kDeaths[] = {
      {"Killed", "killed"},
      {"./run.sh: line 7:  4242 Killed                  python train.py", "killed"},
      {"slurmstepd: error: Detected 1 oom-kill event(s) in StepId=123.0. Some of your processes may have "
       "been killed",
       "host_out_of_memory"},
      {"slurmstepd: error: Detected 1 oom_kill event in StepId=5.batch.", "host_out_of_memory"},
      {"srun: error: node7: task 0: Out Of Memory", "host_out_of_memory"},
      {"RuntimeError: [enforce fail at alloc_cpu.cpp:75] err == 0. DefaultCPUAllocator: can't allocate "
       "memory: you tried "
       "to allocate 1073741824 bytes. Error code 12 (Cannot allocate memory)",
       "host_out_of_memory"},
      {"RuntimeError: DataLoader worker (pid 1234) is killed by signal: Killed. ", "host_out_of_memory"},
      {"terminate called after throwing an instance of 'std::bad_alloc'", "host_out_of_memory"},
      {"ERROR: Unexpected bus error encountered in worker. This might be caused by insufficient shared "
       "memory (shm).",
       "shared_memory"},
      {"Bus error (core dumped)", "bus_error"},
      {"Segmentation fault (core dumped)", "segmentation_fault"},
      {"Fatal Python error: Segmentation fault", "segmentation_fault"},
      {"Aborted (core dumped)", "aborted"},
      {"Illegal instruction (core dumped)", "illegal_instruction"},
      {"OSError: [Errno 28] No space left on device: 'checkpoint-500/model.safetensors'", "disk_full"},
      {"RuntimeError: [enforce fail at inline_container.cc:588] . PytorchStreamWriter failed writing file "
       "data/17: file "
       "write failed",
       "disk_full"},
      {"OSError: [Errno 122] Disk quota exceeded", "disk_quota"},
      {"NVRM: Xid (PCI:0000:3b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.", "xid"},
      {"RuntimeError: CUDA error: uncorrectable ECC error encountered", "gpu_lost"},
      {"RuntimeError: CUDA error: device-side assert triggered", "cuda_assert"},
      {"../aten/src/ATen/native/cuda/Indexing.cu:1255: indexSelectSmallIndex: block: [1,0,0], thread: "
       "[33,0,0] Assertion "
       "`srcIndex < srcSelectDimSize` failed.",
       "cuda_assert"},
      {"RuntimeError: CUDA error: an illegal memory access was encountered", "cuda_error"},
      {"RuntimeError: CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`", "cuda_error"},
      {"RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
       "cuda_out_of_memory"},
      {"jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate "
       "17179869184 "
       "bytes.",
       "cuda_out_of_memory"},
      {"[rank3]:[E1123 10:00:00.1 ProcessGroupNCCL.cpp:616] [Rank 3] Watchdog caught collective operation "
       "timeout: "
       "WorkNCCL(SeqNum=71, OpType=ALLREDUCE, Timeout(ms)=600000) ran for 600713 milliseconds before timing "
       "out.",
       "nccl_timeout"},
      {"torch.distributed.DistBackendError: NCCL error in: ../torch/csrc/ProcessGroupNCCL.cpp:1970, "
       "unhandled cuda error",
       "nccl_error"},
      {"slurmstepd: error: *** JOB 77 ON node1 CANCELLED AT 2026-11-23T02:00:00 DUE TO TIME LIMIT ***",
       "time_limit"},
      {"slurmstepd: error: *** JOB 77 ON node1 CANCELLED AT 2026-11-23T02:00:00 DUE TO PREEMPTION ***",
       "preempted"},
      {"slurmstepd: error: *** JOB 77 ON node1 CANCELLED AT 2026-11-23T02:00:00 ***", "terminated"},
      {"torch.distributed.elastic.multiprocessing.api.SignalException: Process 77 got signal: 15",
       "terminated"},
      {"Terminated", "terminated"},
      {"wandb: Ctrl + C detected. Stopping sweep.", "interrupted"},
      {"[2026-11-23 10:00:00,000] [ERROR] [launch.py:321:sigkill_handler] ['python', 'train.py'] exits with "
       "return code = "
       "-9",
       "child_failed"},
  };
  for (const auto& [line, kind] : kDeaths) {
    INFO(line);
    CHECK(cause_kind(line) == kind);
  }
}

TEST_CASE("what only warns kills nobody", "[local][console]") {
  for (const char* line :
       {"WARNING: Loss is nan, skipping batch",
        "requests.exceptions.HTTPError: 503 Server Error: Service Unavailable",
        "'(MaxRetryError(\"HTTPSConnectionPool(host='huggingface.co', port=443): Max retries exceeded with "
        "url: /x\"))' "
        "thrown while requesting HEAD https://huggingface.co/x",
        "[W1123 ProcessGroupNCCL.cpp:1250] Warning: WARNING: process group has NOT been destroyed before we "
        "destruct "
        "ProcessGroupNCCL. On normal program exit, the application should call destroy_process_group()",
        "Gradient overflow.  Skipping step, loss scaler 0 reducing loss scale to 16384.0",
        "Epoch 3: the model has not Killed anything"}) {
    INFO(line);
    CHECK(cause_kind(line) == "none");
  }
}

TEST_CASE("of several the heavier is the cause, and of equally heavy ones the first", "[local][console]") {
  CHECK(cause_kind("Out of memory: Killed process 4242 (python)\nKilled") == "host_out_of_memory");
  CHECK(cause_kind("Received SIGTERM\nTraceback (most recent call last):\n  File \"a.py\", line 1, in "
                   "f\nKeyboardInterrupt") == "interrupted");
  CHECK(cause_kind("OSError: [Errno 28] No space left on device\nOSError: [Errno 122] Disk quota exceeded") ==
        "disk_full");
}

TEST_CASE("the same message from every thread is told three times until training goes on",
          "[local][console]") {
  std::string log;
  for (int i = 0; i < 200; ++i) log += "NCCL error in thread " + std::to_string(i) + "\n";
  Heard heard;
  ConsoleReader reader(heard.sink());
  reader.feed(log + "  2%|2  | 10/500 [00:02<01:30,  4.50it/s]\r  2%|2  | 11/500 [00:02<01:30,  4.50it/s]\n" +
              log);
  reader.finish();
  CHECK(heard.all<LogMatch>().size() == 6);
}

}  // namespace redflag::daemon::local
