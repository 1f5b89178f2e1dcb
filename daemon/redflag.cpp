#include <string>
#include <vector>

#include "daemon/cli/commands.h"

int main(int argc, char** argv) {
  return redflag::daemon::redflag_main(std::vector<std::string>(argv + 1, argv + argc));
}
