// Reading the environment; the rules of systemd and XDG for the state directory.
#include "daemon/config/environment.h"

#include <cstdlib>

namespace redflag::daemon {

Environment process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

std::string variable(const Environment& env, std::string_view name) {
  if (!env) return {};
  return env(name).value_or(std::string());
}

std::string home_directory(const Environment& env) {
  std::string home = variable(env, "HOME");
  if (home.empty() || home.front() != '/') return {};
  while (home.size() > 1 && home.back() == '/') home.pop_back();
  return home == "/" ? std::string() : home;
}

std::string default_state_directory(const ConfigContext& context, std::string& origin) {
  std::string given = variable(context.env, "STATE_DIRECTORY");
  given = given.substr(0, given.find(':'));
  if (!given.empty() && given.front() == '/') {
    origin = "STATE_DIRECTORY";
    return given;
  }
  // systemd sets INVOCATION_ID for every unit it starts; a unit without StateDirectory= has no better place.
  if (context.root && !variable(context.env, "INVOCATION_ID").empty()) return "/var/lib/redflag";
  const std::string xdg = variable(context.env, "XDG_STATE_HOME");
  if (!xdg.empty() && xdg.front() == '/') {
    origin = "XDG_STATE_HOME";
    return xdg + "/redflag";
  }
  const std::string home = home_directory(context.env);
  if (!home.empty()) return home + "/.local/state/redflag";
  return context.root ? "/var/lib/redflag" : "";
}

std::string default_api_socket(const ConfigContext& context, const std::string& state_directory,
                               std::string& origin) {
  std::string runtime = variable(context.env, "RUNTIME_DIRECTORY");
  runtime = runtime.substr(0, runtime.find(':'));
  if (!runtime.empty() && runtime.front() == '/') {
    origin = "RUNTIME_DIRECTORY";
    return runtime + "/redflag.sock";
  }
  const std::string xdg = variable(context.env, "XDG_RUNTIME_DIR");
  if (!xdg.empty() && xdg.front() == '/') {
    origin = "XDG_RUNTIME_DIR";
    return xdg + "/redflag/redflag.sock";
  }
  return state_directory.empty() ? std::string() : state_directory + "/redflag.sock";
}

}  // namespace redflag::daemon
