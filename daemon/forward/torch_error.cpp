#include "daemon/forward/torch_error.h"

#include <new>

#include <ATen/Parallel.h>
#include <c10/util/Exception.h>
#include <dlfcn.h>

#include "daemon/forward/outcome.h"
#include "daemon/forward/tensor_reader.h"

namespace redflag::forward {
namespace {

/// TorchScript puts a traceback before what happened; ATen puts where in its own sources after it.
std::string gist(const std::string& text) {
  std::string_view view = text;
  if (const std::size_t at = view.find("\nException raised from"); at != std::string_view::npos)
    view = view.substr(0, at);
  if (view.find("Traceback of TorchScript") != std::string_view::npos ||
      view.find("failed in the TorchScript interpreter") != std::string_view::npos) {
    while (view.ends_with('\n')) view.remove_suffix(1);
    const std::size_t last = view.rfind("\nRuntimeError: ");
    view = last != std::string_view::npos ? view.substr(last + 1) : view.substr(view.rfind('\n') + 1);
  }
  // "[enforce fail at file.cpp:10] condition. What happened"
  if (view.starts_with("[enforce fail at ")) {
    const std::size_t end = view.find("] ");
    if (end != std::string_view::npos) view.remove_prefix(end + 2);
  }
  return one_line(view);
}

tl::unexpected<Error> failed(const std::string& doing, const std::string& text) {
  const std::string what = gist(text);
  const bool memory = what.find("not enough memory") != std::string::npos ||
                      what.find("can't allocate memory") != std::string::npos;
  if (memory) return fail(ErrorCode::too_large, doing, "it needs more memory than --memory allows");
  return fail(ErrorCode::unavailable, doing, what);
}

}  // namespace

void set_threads(int count) {
  at::set_num_threads(count);
  // Debian's pthread build of OpenBLAS has threads of its own; other BLAS libraries do not have this
  // function.
  using SetThreads = void (*)(int);
  if (auto* const set = reinterpret_cast<SetThreads>(::dlsym(RTLD_DEFAULT, "openblas_set_num_threads")))
    set(count);
}

Result<void> guarded(const std::string& doing, const std::function<void()>& work) {
  try {
    work();
    return {};
  } catch (const ReadProblem& problem) {
    return fail(ErrorCode::unavailable, doing, problem.what());
  } catch (const c10::Error& error) {
    return failed(doing, error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::too_large, doing, "it needs more memory than --memory allows");
  } catch (const std::exception& error) {
    return failed(doing, error.what());
  } catch (...) {
    return fail(ErrorCode::unavailable, doing, "something was thrown that is no exception");
  }
}

}  // namespace redflag::forward
